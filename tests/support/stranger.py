"""What somebody sees of a folder that is closed to him."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NUMBER = 4242
"""Of a user who owns nothing: root may look everywhere."""


def holds_outside(folder: Path, look: Callable[[], bool]) -> bool:
    """What `look` says where `folder` is closed to whom it asks. It must not import anything."""
    folder.mkdir()
    if os.geteuid():
        folder.chmod(0)
        try:
            return look()
        finally:
            folder.chmod(0o700)
    for above in folder.parents[:3]:
        above.chmod(above.stat().st_mode | 0o011)
    folder.chmod(0o700)
    child = os.fork()
    if not child:  # ids of this process itself cannot be given back
        code = 2
        try:
            os.setgroups([])
            os.setgid(NUMBER)
            os.setuid(NUMBER)
            code = 0 if look() else 1
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code < 2, "it raised"
    return not code
