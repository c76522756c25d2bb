"""Converts a model that is slow to load once, when it is pulled, and not at every start."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import TYPE_CHECKING

from backends import bridge
from backends.child_environment import inherited

if TYPE_CHECKING:
    from pathlib import Path

    from backends.contract import Progress

_SLOW = (".pb",)
_SECONDS = 600.0
_log = logging.getLogger(__name__)


def to_ir(path: Path, progress: Progress) -> Path:
    """The .xml made of `path`, which is removed; or `path`, with a warning, where that failed or need not be.

    The work is done by a child process: the converter is heavy, and may crash on a foreign file. Nothing is imported
    from the working directory.
    """
    if path.suffix not in _SLOW:
        return path
    progress("convert", 0.0)
    target = path.with_suffix(".xml")
    command = bridge.command(sys.executable, "backends.models.convert", str(path), str(target))
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=inherited(), timeout=_SECONDS, check=False
        )
        reason = done.stderr.decode("utf-8", "replace").strip()[-500:] or f"exit code {done.returncode}"
        code = done.returncode
    except (subprocess.TimeoutExpired, OSError) as error:
        code, reason = 1, str(error)
    weights = target.with_suffix(".bin")
    if code == 0 and target.is_file() and weights.is_file():
        path.unlink()
        progress("convert", 1.0)
        return target
    target.unlink(missing_ok=True)
    weights.unlink(missing_ok=True)
    _log.warning("%s is kept as it is, slow to load: not converted to OpenVINO IR: %s", path.name, reason)
    return path
