"""The service's secrets, for a doctor that root asks. Without them a service that is down has no password.

While the service runs, systemd has laid them out in its folder. When it does not (then the doctor is needed most), root
reads what the unit names: the files of `LoadCredential=`, the values of `SetCredential=`. Encrypted ones stay closed.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from agent.config.document import read_text
from agent.config.problems import InvalidError
from agent.config.secrets import secret_variable
from agent.tools.doctor.account import PLACES, SERVICE

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = PLACES["CREDENTIALS_DIRECTORY"]
_LINE = re.compile(r"^\s*(Load|Set)Credential=([\w.-]+):(.+?)\s*$", re.MULTILINE)
_SECONDS = 5.0


def borrow() -> None:
    """Lets this process, and the checks it starts, find the service's secrets, where it may read them."""
    if "CREDENTIALS_DIRECTORY" in os.environ:
        return
    if os.access(FOLDER, os.R_OK | os.X_OK):
        os.environ["CREDENTIALS_DIRECTORY"] = str(FOLDER)
    elif os.geteuid() == 0:
        for name, value in named(_unit()):
            os.environ.setdefault(secret_variable(name), value)


def named(unit: str) -> Iterator[tuple[str, str]]:
    """The secrets that a unit's text names; files that cannot be read are left out."""
    for kind, name, rest in _LINE.findall(unit):
        if kind == "Set":
            yield name, rest
            continue
        try:
            yield name, read_text(rest).rstrip("\r\n")
        except (OSError, InvalidError, ValueError):
            continue


def _unit() -> str:
    command = ["systemctl", "cat", f"{SERVICE}.service"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
