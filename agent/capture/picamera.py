"""A Pi's camera through picamera2, in a child that the system's own Python runs.

In a child, for libcamera aborts and hangs like any driver, and holds the camera until its process ends. The price is
that each picture goes through a pipe: 1.4 MB of one of 1280x720, thirty times a second. By the system's Python, for
that is whose picamera2 apt installs: in a virtual environment with a newer NumPy it fails at its import (simplejpeg was
compiled against the older one), and a virtual environment of another Python does not see it at all.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.capture.pipe import PipeSource

if TYPE_CHECKING:
    from agent.capture.source import Stop

PYTHONS = ["/usr/bin/python3", sys.executable]
MISSING = "picamera2 is not installed, neither for the system's Python nor for ours"
FIX = "apt install python3-picamera2"
_CHILD = Path(__file__).with_name("picamera_child.py")
_ASK = "import importlib.util, sys; sys.exit(importlib.util.find_spec('picamera2') is None)"
_ANSWER_S = 5.0


class PicameraSource(PipeSource):
    """python: what `interpreter` gave. number: as picamera2 counts, those on ribbon cables before those on USB."""

    name = "picamera2"
    decoder = "picamera2"
    missing = FIX
    hint = "rpicam-hello --list-cameras must show it; no other program may use it; a USB camera is /dev/video0"

    def __init__(self, python: str, number: int, timeout: float, stop: Stop) -> None:
        # -I: neither our folder of modules nor a user's packages may stand in for those that picamera2 imports.
        super().__init__(lambda fd: [python, "-I", str(_CHILD), str(number), str(fd)], timeout, stop)


def interpreter() -> str | None:
    """The Python that has picamera2; None where there is none. Imports nothing."""
    return next((python for python in PYTHONS if _has_it(python)), None)


def _has_it(python: str) -> bool:
    try:
        asked = subprocess.run(
            [python, "-I", "-c", _ASK],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_ANSWER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0
