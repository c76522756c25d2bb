"""What to run at the start: the file, what came from afar in its place, or, if it is broken, what worked last."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.config import ConfigError, Problem
from agent.runtime.reload.edition import Edition, examined, file_hash, read

if TYPE_CHECKING:
    from pathlib import Path

    from agent.publish.payloads import ConfigState
    from agent.runtime.overrides import Way
    from agent.runtime.reload.kept import Kept

log = logging.getLogger("vedette.config")


@dataclass(frozen=True, slots=True)
class First:
    """state, problems: as `config/status` says. trial: it came from afar, and must still prove itself.

    way: what that means for what was set by command.
    """

    edition: Edition
    state: ConfigState = "ok"
    problems: tuple[Problem, ...] = ()
    trial: bool = False
    way: Way = "edited"


def first(path: Path, kept: Kept) -> First:
    """path: of the config file. Raises ConfigError when neither it nor what worked last can be used."""
    undone: tuple[Problem, ...] = ()
    remote = kept.remote()
    if remote is not None and remote.file_hash != file_hash(path):
        log.info("%s was edited, so what came from afar is not used any more", path)
        kept.forget_remote()
        remote = None
    if remote is not None and remote.state == "trial" and not remote.restarting:
        log.warning("the run that tried a config from afar ended before it had proven itself: back to the one before")
        undone = (Problem(str(kept.remote_file), 0, 0, "", "the daemon's run ended while it was tried"),)
        remote = kept.undo(remote)
    state: ConfigState = "rolled_back" if undone else "ok"
    if remote is not None:
        try:
            edition = examined(remote.text, str(kept.remote_file), path, "remote")
        except ConfigError as e:
            log.error("what came from afar cannot be used any more: %s", e)  # noqa: TRY400 - it says all
            kept.forget_remote()
        else:
            if remote.state == "kept":
                return First(edition, state, undone, way="back" if undone else "afar")
            kept.keep_remote(replace(remote, restarting=False))
            return First(edition, "pending", trial=True, way="afar")
    try:
        return First(read(path), state, undone, way="back" if undone else "edited")
    except ConfigError as broken:
        return _last_good(path, kept, broken)


def _last_good(path: Path, kept: Kept, broken: ConfigError) -> First:
    text = kept.good()
    if text is None:
        raise broken
    try:
        edition = examined(text, str(path), path, "file")
    except ConfigError:
        raise broken from None
    for problem in broken.problems:
        log.error("not used: %s", problem)
    log.error("%s is broken: what worked last runs in its place", path)
    return First(edition, "running_last_good", broken.problems, way="meanwhile")
