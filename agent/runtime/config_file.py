"""The config file, while the daemon runs: whether what stands there is what runs, and if not, why not."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config import ConfigError, load
from agent.config.lookup import SECRETS_FILE
from agent.publish.payloads import ConfigStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.config import Config, Problem
    from agent.publish.payloads import ConfigState

log = logging.getLogger("vedette.config")

_Stamp = tuple[tuple[int, int, int] | None, ...]


class ConfigFile:
    """Owned by the main thread. running: what was loaded from the file when the daemon started."""

    def __init__(self, running: Config) -> None:
        self._running = running
        self._path = Path(running.file)
        self._stamp = self._look()
        self.running_hash = self._hash() or "none"
        self.file_hash: str | None = self.running_hash
        self.problems: tuple[Problem, ...] = ()
        self._pending = False
        self._at = time.time()

    def changed(self) -> bool:
        """To be asked about once a second: True when what `status` says has changed.

        The secrets beside the file belong to it. Of a file that was only touched nothing is said.
        """
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        before = (self.file_hash, self.problems, self._pending)
        self.file_hash = self._hash()
        try:
            self._pending = not _same(load(self._path), self._running)
            self.problems = ()
            if not self._pending:  # other comments, say
                self.running_hash = self.file_hash or self.running_hash
        except ConfigError as error:
            self._pending, self.problems = False, error.problems
        if (self.file_hash, self.problems, self._pending) == before:
            return False
        self._at = time.time()
        self._tell()
        return True

    def status(self, overrides: Sequence[Mapping[str, object]] = ()) -> ConfigStatus:
        state: ConfigState = "rejected" if self.problems else "pending" if self._pending else "ok"
        errors = [asdict(problem) for problem in self.problems]
        return ConfigStatus(
            state, self.running_hash, self._running.file, self.file_hash, errors, list(overrides), self._at
        )

    def _tell(self) -> None:
        for problem in self.problems:
            log.error("not used: %s", problem)
        if self._pending:
            log.warning("%s has changed: restart vedette to use it", self._path)
        elif not self.problems:
            log.info("%s is what runs", self._path)

    def _look(self) -> _Stamp:
        return tuple(_stamp(path) for path in (self._path, self._path.with_name(SECRETS_FILE)))

    def _hash(self) -> str | None:
        try:
            return hashlib.sha256(self._path.read_bytes()).hexdigest()[:12]
        except OSError:
            return None


def _same(one: Config, other: Config) -> bool:
    return replace(one, warnings=()) == replace(other, warnings=())


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
