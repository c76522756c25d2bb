"""What a later start needs to know of configs: the last one that worked, and one that was sent over MQTT.

In the state directory, so that a read-only /etc is no obstacle. Texts are kept as they were written: secrets stay the
names they are there.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from agent.atomic import write_atomic
from agent.config import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.runtime.reload.revision import Written

log = logging.getLogger("vedette.config")

GOOD, REMOTE, REMOTE_TEXT = "last_good.json", "remote.json", "remote.yaml"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Remote:
    """A config sent over MQTT. text: of it.

    file_hash, secrets_hash: of the config file whose place it takes, and of the secrets beside that; a later edit of
    either wins. None: they could not be read, or an earlier version kept it.
    state: "trial" until it has proven itself; "undone" when the next start shall undo it. previous: the one from there
    that ran before it; None: the file did. restarting: the daemon itself has ended its run, to begin anew with this.
    excused: cameras that did not work before it. problems: why it is undone.
    """

    text: str
    file_hash: str | None
    state: Literal["trial", "kept", "undone"]
    previous: str | None = None
    restarting: bool = False
    secrets_hash: str | None = None
    excused: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    def stands(self, found: Written) -> bool:
        """Whether the file is as it was. One that cannot be read just now has not been edited."""
        secrets = None in {found.secrets, self.secrets_hash} or found.secrets == self.secrets_hash
        return found.file is None or (found.file == self.file_hash and secrets)


class SavedConfigs:
    """For one config file. Nothing raises: what cannot be written is said, and ends with this run."""

    def __init__(self, folder: Path, file: Path) -> None:
        self._folder = folder
        self._file = str(file.absolute())
        self.remote_file = folder / REMOTE_TEXT

    def good(self) -> str | None:
        """The text of the last config that worked."""
        return self._read(GOOD, lambda found: str(found["text"]))

    def keep_good(self, text: str) -> bool:
        if self.good() == text:
            return True
        return self._write(GOOD, {"text": text})

    def remote(self) -> Remote | None:
        return self._read(REMOTE, _remote)

    def keep_remote(self, remote: Remote) -> bool:
        """For others to read, the text stands in `remote_file`, too."""
        try:
            write_atomic(self.remote_file, remote.text)
        except OSError as e:
            log.warning("cannot write %s: %s", self.remote_file, e.strerror)
        return self._write(REMOTE, asdict(remote))

    def undo(self, remote: Remote) -> Remote | None:
        """Back to what ran before `remote`: an earlier one sent over MQTT, which is returned, or the file."""
        if remote.previous is None:
            self.forget_remote()
            return None
        before = Remote(remote.previous, remote.file_hash, "kept", secrets_hash=remote.secrets_hash)
        self.keep_remote(before)
        return before

    def forget_remote(self) -> None:
        for name in (REMOTE, REMOTE_TEXT):
            try:
                (self._folder / name).unlink(missing_ok=True)
            except OSError as e:
                log.warning("cannot remove %s: %s", self._folder / name, e.strerror)

    def _read(self, name: str, made: Callable[[Any], T]) -> T | None:
        path = self._folder / name
        try:
            found = json.loads(path.read_text())
            return made(found) if found["file"] == self._file else None
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError) as e:
            log.warning("cannot read %s (%s)", path, e)
            return None

    def _write(self, name: str, content: dict[str, Any]) -> bool:
        path = self._folder / name
        try:
            write_atomic(path, json.dumps({"version": 1, "file": self._file, **content}), sync=True)
        except OSError as e:
            log.warning("cannot write %s: %s", path, e.strerror)
            return False
        return True


def _remote(found: Any) -> Remote:
    known: dict[str, Literal["trial", "undone"]] = {"trial": "trial", "undone": "undone"}
    previous = found["previous"]
    return Remote(
        str(found["text"]),
        found["file_hash"],
        known.get(found["state"], "kept"),
        None if previous is None else str(previous),
        bool(found["restarting"]),
        found.get("secrets_hash"),
        tuple(map(str, found.get("excused", ()))),
        tuple(Problem(**problem) for problem in found.get("problems", ())),
    )
