"""Small files in the state directory are written whole or not at all. Belongs to no room."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


MODE = 0o640
_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW


def write_atomic(path: Path, text: str, *, sync: bool = False, mode: int = MODE) -> None:
    """A reader sees the old text or the new one; a failed write leaves nothing behind. Raises OSError.

    sync: it also survives a power cut, once this has returned. mode: who may read it, whatever the umask.
    """
    draft = path.with_name(f".{path.name}.part")
    descriptor = os.open(draft, _NEW, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as f:
            os.fchmod(descriptor, mode)
            f.write(text)
            if sync:
                f.flush()
                os.fsync(descriptor)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    if sync:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """The new name is on disk, too: else a power cut may bring the old file back, or none."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
