"""Checks in processes of their own. A camera's driver may hang, a library may crash: that is a finding, not an end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from agent.tools.doctor import account
from agent.tools.doctor.finding import Finding
from backends.child import killed_by

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MODULE = "agent.tools.doctor.child"
_LEAVE_S = 1.0
_LARGEST = 1 << 20
_HANGS = "it waits in a driver or in the network; unplug what it asks for, or restart the machine, and ask again"


def asked(check: str, config: Path, subject: str = "", *, seconds: float) -> list[Finding]:
    """The findings of one check (see child.py), made as the service's user where we may; ends within `seconds`."""
    whom = account.looking()
    as_whom: dict[str, Any] = {} if whom.own else {"user": whom.uid, "group": whom.gid, "extra_groups": whom.groups}
    command = [sys.executable, "-m", _MODULE, check, str(config.absolute()), subject]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**account.environment(whom), "PYTHONSAFEPATH": "1"},
        start_new_session=True,
        **as_whom,
    )
    try:
        said, noise = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as late:
        return [*_findings(late.stdout or b""), *_ended_late(child, check, subject, seconds)]
    found = list(_findings(said))
    if child.returncode:
        found.append(_died(child.returncode, check, subject, noise))
    return found


def _ended_late(child: subprocess.Popen[bytes], check: str, subject: str, seconds: float) -> Iterator[Finding]:
    with contextlib.suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):  # one that is stuck in its driver dies later
        child.communicate(timeout=_LEAVE_S)
    yield Finding(check, "failed", f"{_name(subject)}no answer within {seconds:g} s", _HANGS)


def _died(code: int, check: str, subject: str, noise: bytes) -> Finding:
    how = killed_by(-code) if code < 0 else f"exit code {code}"
    lines = [line.strip() for line in noise.decode(errors="replace").splitlines() if line.strip()]
    said = f": {lines[-1][:200]}" if lines else ""
    return Finding(check, "failed", f"{_name(subject)}the check itself died ({how}{said})", "please report it")


def _name(subject: str) -> str:
    return f"{subject}: " if subject else ""


def _findings(said: bytes) -> Iterator[Finding]:
    for line in said[:_LARGEST].splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):  # the last line may be cut
            yield Finding.of_json(json.loads(line))
