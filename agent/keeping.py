"""Small files in the state directory are written whole or not at all. Belongs to no room."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def keep(path: Path, text: str, *, sync: bool = False) -> None:
    """A reader sees the old text or the new one. sync: it also survives a power cut. Raises OSError."""
    draft = path.with_suffix(".part")
    with draft.open("w") as f:
        f.write(text)
        if sync:
            f.flush()
            os.fsync(f.fileno())
    draft.replace(path)
