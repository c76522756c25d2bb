"""How a run of the daemon begins, what it does where it cannot, and how it begins anew in the same process."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from agent.config import ConfigError
from agent.runtime import log, paths
from agent.runtime.daemon import Daemon
from agent.runtime.notify import notify, supervised
from agent.runtime.private import private
from agent.runtime.reload.first import first
from agent.runtime.reload.saved_configs import SavedConfigs
from agent.runtime.reload.watched import wait_for_edit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_EDIT_S = 5.0
"""Between two starts with a broken config, where somebody starts us again at once."""


class Unusable(Exception):
    """A directory of the daemon's own cannot be used; the text is for the user."""


def run(file: Path, complain: Callable[[ConfigError], object]) -> bool:
    """One run, from the config `file`, on the main thread. Returns whether another one is to begin: `run_anew`.

    Raises Held (another daemon has the state directory), Unusable, or ConfigError where no config can be run. With the
    last, `complain` is called at once, for under systemd an edit is waited for, with the state directory still held.
    """
    try:
        state = paths.state_directory()
        private(state)
        held = paths.lock(state)
    except OSError as e:
        raise Unusable(_unusable("state", e)) from e
    try:
        paths.runtime_directory().mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise Unusable(_unusable("runtime", e)) from e
    with held:
        out = log.Log("info")
        try:
            paths.device_uid(state)
        except OSError as e:
            raise Unusable(_unusable("state", e)) from e
        try:
            begin = first(file, SavedConfigs(state, file))
        except ConfigError as e:
            complain(e)
            notify("STATUS=the config is broken: waiting for an edit of it")
            if supervised():
                wait_for_edit(file, _EDIT_S)
            raise
        out.show(begin.revision.config.log.level)
        log.show_warnings((*begin.revision.config.warnings, *begin.revision.found.warnings))
        return Daemon(begin, file, out).run()


def _unusable(which: str, error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""  # a disk that is full names none
    fix = f"make room or give the right to write there, or name another folder: {which.upper()}_DIRECTORY=FOLDER"
    return f"cannot use the {which} directory: {where}{error.strerror}; {fix}"


def run_anew() -> NoReturn:
    """In place of this process: whoever supervises it sees no end, and nothing of this run is left.

    By the words it was started with: `-m` would let Python look for modules in the current folder.
    """
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command
