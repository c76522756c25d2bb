"""Small files of the state directory: written whole or not at all, read as far as they can be. Belongs to no room."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
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


class StateFile:
    """One JSON file. Nothing raises: what fails is logged, a write once until one works. sync, mode: as above."""

    def __init__(self, path: Path, log: logging.Logger, *, sync: bool = False, mode: int = MODE) -> None:
        self.path = path
        self._log = log
        self._sync = sync
        self._mode = mode
        self._failed = False

    def read(self, load: Callable[[Any], None], lost: str) -> bool:
        """Calls `load` with what the file holds, if there is one. False if that cannot be used; lost: what follows."""
        try:
            load(json.loads(self.path.read_text()))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as e:
            self._log.warning("cannot read %s (%s): %s", self.path, e, lost)
            return False
        return True

    def write(self, text: str) -> bool:
        """Whether it is written now."""
        try:
            write_atomic(self.path, text, sync=self._sync, mode=self._mode)
        except OSError as e:
            if not self._failed:
                self._log.warning("cannot write %s: %s", self.path, e.strerror)
            self._failed = True
            return False
        self._failed = False
        return True


def _sync_folder(folder: Path) -> None:
    """The new name is on disk, too: else a power cut may bring the old file back, or none."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
