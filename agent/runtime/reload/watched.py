"""Whether the config file, or the secrets beside it, have been edited."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config.lookup import SECRETS_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERY_S = 0.2

_Stamp = tuple[tuple[int, int, int, int] | None, ...]


class Watched:
    """Looks, rather than being told: editors rename, network and overlay file systems tell nothing."""

    def __init__(self, file: str) -> None:
        path = Path(file)
        self._paths: Sequence[Path] = (path, path.absolute().parent / SECRETS_FILE)
        self._known = self._seen = self._look()
        self._next = 0.0

    def due(self) -> float:
        """time.monotonic() of the next look."""
        return self._next

    def read(self) -> None:
        """It is about to be read, edited or not: what it is by now is no edit any more."""
        self._known = self._seen = self._look()

    def changed(self, now: float) -> bool:
        """True once for each edit, when two looks in a row have found the same: an editor may still be writing."""
        if now < self._next:
            return False
        self._next = now + EVERY_S
        before, self._seen = self._seen, self._look()
        if self._seen == self._known or self._seen != before:
            return False
        self._known = self._seen
        return True

    def _look(self) -> _Stamp:
        return tuple(_stamp(path) for path in self._paths)


def wait_for_edit(file: Path, most: float) -> None:
    """Until the file is edited, or `most` seconds have passed."""
    watched, until = Watched(str(file)), time.monotonic() + most
    while time.monotonic() < until and not watched.changed(time.monotonic()):
        time.sleep(EVERY_S)


def _stamp(path: Path) -> tuple[int, int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns  # the last: chmod and chown, too
