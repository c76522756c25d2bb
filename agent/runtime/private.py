"""What the daemon keeps is for its own user and group, whatever umask it was started with."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from agent.config.redact import redact
from backends.child_environment import withhold

if TYPE_CHECKING:
    from pathlib import Path

UMASK = 0o027
_PUBLIC = frozenset({"status.json"})


def private(state: Path) -> None:
    """From now on files are made 0640 at most, and folders 0750; those of an earlier version in `state` follow.

    Children inherit that; and what the config takes from the environment as a secret, they do not.
    """
    os.umask(os.umask(UMASK) | UMASK)
    withhold(lambda value: redact(value) != value)
    with contextlib.suppress(OSError):
        for path in state.iterdir():
            if path.name not in _PUBLIC:
                _close(path)


def _close(path: Path) -> None:
    with contextlib.suppress(OSError):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_mode & UMASK:
            path.chmod(stat.S_IMODE(found.st_mode) & ~UMASK)
