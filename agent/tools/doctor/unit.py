"""The systemd service."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from agent.tools.doctor.account import SERVICE
from agent.tools.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECONDS = 5.0
_PROPERTIES = "LoadState,ActiveState,SubState,UnitFileState,NRestarts,Result,ExecMainStatus,StatusText"
_LOG = f"journalctl -u {SERVICE} -n 50"


def unit() -> Iterator[Finding]:
    if not Path("/run/systemd/system").is_dir() or shutil.which("systemctl") is None:
        yield Finding("service", "skipped", "there is no systemd here")
        return
    command = ["systemctl", "show", f"{SERVICE}.service", f"--property={_PROPERTIES}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        yield Finding("service", "failed", f"systemd does not answer within {_SECONDS:g} s", "restart the machine")
        return
    yield from judged(dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line))


def judged(said: Mapping[str, str]) -> Iterator[Finding]:
    """said: the properties of `systemctl show`."""
    if said.get("LoadState") != "loaded":
        yield Finding("service", "skipped", f"{SERVICE}.service is not installed", "sudo make install, if it should be")
        return
    state, sub, result = said.get("ActiveState", ""), said.get("SubState", ""), said.get("Result", "")
    restarts = int(said.get("NRestarts") or 0)
    why = "" if result in {"", "success"} else f", the last end: {result}, status {said.get('ExecMainStatus')}"
    text = f"{SERVICE}.service is {state} ({sub}), restarted {restarts} times{why}"
    if state in {"active", "reloading"}:
        yield Finding("service", "ok" if not restarts else "warning", text, _LOG if restarts else "")
    elif sub == "auto-restart" or restarts:
        yield Finding("service", "failed", f"{text}; it does not stay up", _LOG)
    elif state == "activating":
        yield Finding("service", "warning", f"{text}: it starts", "ask again in a minute")
    else:
        yield Finding("service", "failed", text, f"sudo systemctl start {SERVICE}; {_LOG}")
    if said.get("UnitFileState") not in {"enabled", "enabled-runtime", "static", "linked", "alias"}:
        yield Finding("service", "warning", "it does not start by itself at boot", f"sudo systemctl enable {SERVICE}")
