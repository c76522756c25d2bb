"""Files that others read, or that a power cut may meet, are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DRAFT = ".part-"
"""How the name of what is not yet whole begins; a writer that was killed leaves one."""


def write_atomic(path: Path, content: bytes | memoryview, *, sync: bool = True) -> None:
    """Under its name there is the old content, none, or all of the new one, on disk when this returns. Raises OSError.

    Any number may write the same file at once: one of them is the last. Without `sync` a power cut may leave a part
    of it, which the reader must notice.
    """
    draft = path.with_name(f"{DRAFT}{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # where it cannot be written it cannot be removed; the reason is told
            draft.unlink()
        raise
    if sync:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
