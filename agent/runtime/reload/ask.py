"""`vedette reload`: asks the daemon of this machine to read its config, and waits for what it makes of it."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from agent.runtime.paths import lives
from agent.runtime.running import SilentError, running, strange

WAIT_S = 120.0
"""A model takes seconds to be loaded; where it takes longer, the daemon goes on alone."""
_LOOK_S = 0.05


def ask(wait: float = WAIT_S) -> dict[str, Any]:
    """As `config/status` has it: of the config that is in place after this. Raises SilentError."""
    before = _status()
    try:
        os.kill(before["pid"], signal.SIGHUP)
    except ProcessLookupError:
        raise SilentError("no vedette is running here") from None
    except PermissionError:
        raise SilentError(f"may not signal the daemon, pid {before['pid']}: run this as root, or as its user") from None
    until = time.monotonic() + wait
    while time.monotonic() < until:
        time.sleep(_LOOK_S)
        now = _later(before["pid"])
        if now is None:
            continue
        # Restarted, as another device name makes it do, it counts from 0.
        if now["reloads"] > before["reloads"] or now["boot_id"] != before["boot_id"]:
            told: dict[str, Any] = now["config"]
            return told
    raise SilentError(f"no answer within {wait:.0f} s; it continues in the background, see vedette status")


def _status() -> dict[str, Any]:
    """With what is looked at above, so that nobody is signalled whose answer could not be read."""
    status = running()
    wanted = {"reloads": int, "boot_id": str, "config": dict}
    if not all(isinstance(status.get(key), kind) for key, kind in wanted.items()):
        raise strange(status)
    return status


def _later(pid: int) -> dict[str, Any] | None:
    """None while it restarts, when there is no file. Raises SilentError when it has ended."""
    try:
        return _status()
    except SilentError:
        if lives(pid):
            return None
        raise SilentError("the daemon has ended meanwhile; its log says why") from None
