"""`vedette reload`: asks the daemon of this machine to read its config, and waits for what it makes of it."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

from agent.runtime.paths import lives, runs, status_file

WAIT_S = 120.0
"""A model takes seconds to be loaded; where it takes longer, the daemon goes on alone."""
_LOOK_S = 0.05


class AskError(Exception):
    """There is no daemon, it may not be asked, or it did not answer."""


def ask(wait: float = WAIT_S) -> dict[str, Any]:
    """As `config/status` has it: of the config that is in place after this. Raises AskError."""
    before = _status()
    try:
        os.kill(before["pid"], signal.SIGHUP)
    except ProcessLookupError:
        raise AskError("no vedette is running here") from None
    except PermissionError:
        raise AskError(f"may not signal the daemon, pid {before['pid']}: run this as root, or as its user") from None
    until = time.monotonic() + wait
    while time.monotonic() < until:
        time.sleep(_LOOK_S)
        now = _later(before["pid"])
        if now is None:
            continue
        # Begun anew, as another device name wants it, it counts from 0.
        if now["reloads"] > before["reloads"] or now["boot_id"] != before["boot_id"]:
            told: dict[str, Any] = now["config"]
            return told
    raise AskError(f"no answer within {wait:.0f} s; it continues in the background, see vedette status")


def _status() -> dict[str, Any]:
    try:
        status: dict[str, Any] = json.loads(status_file().read_text())
    except FileNotFoundError:
        raise AskError("no vedette is running here (no status file)") from None
    except (OSError, ValueError) as e:
        raise AskError(f"cannot read the status file: {e}") from e
    if not runs(status["pid"]):
        raise AskError(f"no vedette is running here; the last one, pid {status['pid']}, did not end cleanly")
    return status


def _later(pid: int) -> dict[str, Any] | None:
    """None while it begins anew, when there is no file. Raises AskError when it has ended."""
    try:
        return _status()
    except AskError:
        if lives(pid):
            return None
        raise AskError("the daemon has ended meanwhile; its log says why") from None
