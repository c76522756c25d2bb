"""A clean Debian 12, as its installer leaves it at the least: made once, kept in the user's cache, never written to."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.slow.deb.packages import NATIVE, SUITE

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES = ("systemd", "systemd-sysv", "dbus", "python3")


def clean(tell: Callable[[str], None]) -> Path:
    """Its folder. Minutes, and the network, where it is not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vedette" / "test-roots"
    folder = cache / f"{SUITE}-{NATIVE}"
    if folder.exists():
        return folder
    tell(f"making a clean Debian {SUITE}, once")
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(partial)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, "\n".join((done.stdout + done.stderr).splitlines()[-20:])
    partial.rename(folder)
    return folder
