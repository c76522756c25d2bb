"""An interpreter that has the double of picamera2, as a Pi's system Python has the real one, and a clip to play."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

DOUBLE = Path(__file__).with_name("picamera2_double")


def python(folder: Path, modules: Sequence[Path] = (DOUBLE,)) -> str:
    """A new virtual environment without pip, whose Python finds NumPy and these modules also with `-I`."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=60)
    (site,) = folder.glob("lib/python*/site-packages")
    lines = [sysconfig.get_path("purelib"), *map(str, modules)]
    (site / "double.pth").write_text(os.linesep.join(lines))
    return str(folder / "bin/python")


def raw(clip: Path, path: Path) -> Path:
    """The clip's pictures as I420 without padding."""
    with av.open(str(clip)) as container, path.open("wb") as file:
        for frame in container.decode(video=0):
            for plane, part in zip(frame.planes, (1, 2, 2), strict=True):
                rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
                file.write(rows[: frame.height // part, : frame.width // part].tobytes())
    return path
