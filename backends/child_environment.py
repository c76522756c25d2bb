"""What a child process may know of the environment of its parent: not its secrets, nor how to talk to systemd."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "VEDETTE_SECRET_"
"""Of variables with secrets."""

_OURS = ("CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")
_tests: list[Callable[[str], bool]] = []


def withhold(holds_secret: Callable[[str], bool]) -> None:
    """From now on variables whose value passes the test are kept from children too: `!env` may name any."""
    _tests[:] = [holds_secret]


def inherited() -> dict[str, str]:
    """The environment for a child that loads models: their parsers and drivers are the likeliest to be broken into."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and name not in _OURS and not any(test(value) for test in _tests)
    }
