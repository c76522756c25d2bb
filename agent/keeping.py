"""Small files in the state directory are written whole or not at all. Belongs to no room."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


MODE = 0o640
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW


def keep(path: Path, text: str, *, sync: bool = False, mode: int = MODE) -> None:
    """A reader sees the old text or the new one. Raises OSError.

    sync: it also survives a power cut. mode: who may read it, whatever the umask.
    """
    draft = path.with_suffix(".part")
    descriptor = os.open(draft, _NEW, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as f:
        os.fchmod(descriptor, mode)
        f.write(text)
        if sync:
            f.flush()
            os.fsync(f.fileno())
    draft.replace(path)
