"""Reading single values. A file of sysfs may be missing, vanish, or fail with an error of its device.

Paths are text here, for what is read each second: pathlib enters every part of every path it makes into Python's table
of strings, which never takes a place twice. That table alone grew by a megabyte within an hour.
"""

from __future__ import annotations

import glob
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 4096


def below(root: Path, place: str) -> str:
    """place: relative, "proc/device-tree/model"."""
    return os.path.join(root, place)  # noqa: PTH118


def matching(root: Path, pattern: str) -> list[str]:
    """What is there below `root`, in no order. pattern: relative, as of a shell."""
    return [below(root, place) for place in glob.glob(pattern, root_dir=root)]  # noqa: PTH207


def text(path: Path | str) -> str | None:
    """The stripped text, None where it cannot be read. A device tree's strings end with a zero byte."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read(_LONGEST).decode(errors="replace").strip("\0\n ")
    except OSError:
        return None


def integer(path: Path | str) -> int | None:
    try:
        return int(text(path) or "")
    except ValueError:
        return None


def scaled(path: Path | str, divisor: float) -> float | None:
    """A value in thousandths, or another fraction, of its unit."""
    value = integer(path)
    return None if value is None else value / divisor
