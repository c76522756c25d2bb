"""Reading single values. A file of sysfs may be missing, vanish, or fail with an error of its device."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 4096


def text(path: Path) -> str | None:
    """The stripped text, None where it cannot be read. A device tree's strings end with a zero byte."""
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode(errors="replace").strip("\0\n ")
    except OSError:
        return None


def integer(path: Path) -> int | None:
    try:
        return int(text(path) or "")
    except ValueError:
        return None


def scaled(path: Path, divisor: float) -> float | None:
    """A value in thousandths, or another fraction, of its unit."""
    value = integer(path)
    return None if value is None else value / divisor
