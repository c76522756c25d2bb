"""What a Raspberry Pi says of its supply and its speed, without `vcgencmd` and without its group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.runtime.board import sysfs

if TYPE_CHECKING:
    from pathlib import Path

_WORDS = ("under-voltage", "capped frequency", "throttling", "soft temperature limit")
"""Bits 0 to 3 of `get_throttled`, for now; 16 to 19 the same since the start."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Each None where the board does not tell. throttled: slowed down now, for heat or for power. hot: for heat.

    seen: what has been since the start. The driver raspberrypi-hwmon clears under-voltage there every 2 s.
    """

    undervoltage: bool | None = None
    throttled: bool | None = None
    hot: bool | None = None
    seen: tuple[str, ...] = ()


def supply(root: Path) -> Supply:
    """From the firmware's word (attribute `get_throttled` of its device, a hexadecimal number) and the voltage sensor.

    The firmware's device is soc/soc:firmware, on a Pi 5 soc@107c000000/soc@107c000000:firmware.
    """
    alarm = _alarm(root)
    word = _word(root)
    if word is None:
        return Supply(undervoltage=alarm)
    seen = tuple(name for bit, name in enumerate(_WORDS) if word >> (16 + bit) & 1)
    weak = bool(word & 1) or bool(alarm)
    hot = bool(word & 0b1000) or (bool(word & 0b0110) and not weak)  # a weak supply caps and throttles too
    return Supply(weak, bool(word & 0xF), hot, seen)


def _word(root: Path) -> int | None:
    for file in sysfs.matching(root, "sys/devices/platform/soc*/soc*:firmware/get_throttled"):
        try:
            return int(sysfs.text(file) or "", 16)
        except ValueError:
            continue
    return None


def _alarm(root: Path) -> bool | None:
    """Of the kernel's driver raspberrypi-hwmon: `in0_lcrit_alarm`, under-voltage within the last 2 s."""
    for sensor in sysfs.matching(root, "sys/class/hwmon/hwmon*"):
        if sysfs.text(f"{sensor}/name") == "rpi_volt":
            alarm = sysfs.integer(f"{sensor}/in0_lcrit_alarm")
            return None if alarm is None else bool(alarm)
    return None
