"""What to run at the start: the file, what came over MQTT in its place, or, if it is broken, what worked last."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.config import ConfigError, Problem
from agent.runtime.reload.revision import Revision, examined, read, written
from agent.runtime.reload.watched import Watched

if TYPE_CHECKING:
    from pathlib import Path

    from agent.publish.payloads import ConfigState
    from agent.runtime.overrides import Way
    from agent.runtime.reload.revision import Written
    from agent.runtime.reload.saved_configs import SavedConfigs

log = logging.getLogger("vedette.config")


@dataclass(frozen=True, slots=True)
class First:
    """state, problems: as `config/status` says. trial: it came over MQTT, and must still prove itself.

    excused: cameras that did not work before that. way: what it is for what was set by command. watched, written: the
    file as it was before it was read.
    """

    revision: Revision
    state: ConfigState = "ok"
    problems: tuple[Problem, ...] = ()
    trial: bool = False
    excused: tuple[str, ...] = ()
    way: Way = "edited"
    watched: Watched | None = None
    written: Written | None = None


def first(path: Path, kept: SavedConfigs) -> First:
    """path: of the config file. Raises ConfigError when neither it nor what worked last can be used."""
    watched, found = Watched(str(path)), written(path)  # before it is read: what is written from here on is an edit
    begin = _from_afar(path, kept, found) or _from_file(path, kept)
    return replace(begin, watched=watched, written=found)


def _from_afar(path: Path, kept: SavedConfigs, found: Written, undone: tuple[Problem, ...] = ()) -> First | None:
    """What came over MQTT, or what follows from that it cannot be used; None where there is none.

    undone: why one was taken back already.
    """
    remote, back = kept.remote(), bool(undone)
    if remote is not None and not remote.stands(found):
        log.info("%s was edited: the config sent over MQTT is no longer used", path)
        kept.forget_remote()
        remote = None
    if remote is not None and remote.state == "trial" and not remote.restarting:
        log.warning(
            "the run that tried a config sent over MQTT ended before it had proven itself: back to the previous config"
        )
        back, undone = True, (Problem(str(kept.remote_file), 0, 0, "", "the daemon's run ended while it was tried"),)
        remote = kept.undo(remote)
    elif remote is not None and remote.state == "undone":
        back, undone, remote = True, remote.problems, kept.undo(remote)
    if remote is None:
        return _from_file(path, kept, undone, back=True) if back else None
    try:
        revision = examined(remote.text, str(kept.remote_file), path, "remote")
    except ConfigError as e:
        log.error("the config sent over MQTT cannot be used: %s", e)  # noqa: TRY400 - it says all
        if remote.state == "trial":
            kept.undo(remote)
            return _from_afar(path, kept, found, e.problems) or _from_file(path, kept, e.problems, back=True)
        begin = _from_file(path, kept)  # it may be used again, once what it names is there
        state: ConfigState = "rejected" if begin.state == "ok" else begin.state
        return replace(begin, state=state, problems=(*e.problems, *begin.problems), way="meanwhile")
    if remote.state == "trial":
        kept.keep_remote(replace(remote, restarting=False))
        return First(revision, "pending", trial=True, excused=remote.excused, way="afar")
    return First(revision, "rolled_back" if undone else "ok", undone, way="back" if back else "afar")


def _from_file(path: Path, kept: SavedConfigs, undone: tuple[Problem, ...] = (), *, back: bool = False) -> First:
    """back: what came over MQTT was taken back. undone: why, if not by command."""
    try:
        return First(read(path), "rolled_back" if undone else "ok", undone, way="back" if back else "edited")
    except ConfigError as broken:
        return First(last_good(path, kept, broken), "running_last_good", broken.problems, way="meanwhile")


def last_good(path: Path, kept: SavedConfigs, broken: ConfigError) -> Revision:
    """What worked last, in place of the file at `path`. Raises `broken`, why that is not used, where there is none."""
    text = kept.good()
    if text is None:
        raise broken
    try:
        revision = examined(text, str(path), path, "file")
    except ConfigError:
        raise broken from None
    for problem in broken.problems:
        log.error("not used: %s", problem)
    log.error("%s is broken: the last config that worked runs instead", path)
    return revision
