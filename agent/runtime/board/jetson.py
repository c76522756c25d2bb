"""What a Jetson says of its GPU, its power rails and its power mode. None of it needs root, or a service like jtop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agent.runtime.board import sysfs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GPU_LOADS = (
    "sys/devices/gpu.0/load",  # L4T 32 and 35
    "sys/devices/platform/gpu.0/load",
    "sys/devices/platform/17000000.*/load",  # without the link gpu.0
    "sys/devices/platform/bus@0/17000000.*/load",  # L4T 36
    "sys/devices/57000000.gpu/load",  # Nano
)
_MODE = re.compile(r"^\s*<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+?)\s*>", re.MULTILINE)
_CURRENT = re.compile(r"pmode:(\d+)")
_LARGEST = 256 * 1024


def gpu_load(root: Path) -> float | None:
    """Of the nvgpu driver's attribute `load`, in thousandths: 0 to 1."""
    for pattern in _GPU_LOADS:
        for file in sysfs.matching(root, pattern):
            load = sysfs.scaled(file, 1000)
            if load is not None:
                return min(1.0, max(0.0, load))
    return None


def power_mode(root: Path) -> str | None:
    """The name of the power mode, "MAXN" or "15W". The numbers mean other modes on other releases.

    nvpmodel keeps the number in /var/lib/nvpmodel/status ("pmode:0002 fmode:..."), and the names in its config.
    """
    current = _CURRENT.search(sysfs.text(sysfs.below(root, "var/lib/nvpmodel/status")) or "")
    if current is None:
        return None
    try:
        with (root / "etc/nvpmodel.conf").open(errors="replace") as file:
            names = {int(mode[1]): mode[2] for mode in _MODE.finditer(file.read(_LARGEST))}
    except OSError:
        names = {}
    number = int(current[1])
    return names.get(number, f"mode {number}")


def power(root: Path) -> dict[str, float]:
    """By rail ("VDD_IN", the whole board on many), watts."""
    return {name: watts for name, watts in (*_hwmon(root), *_iio(root)) if watts is not None}


def _hwmon(root: Path) -> Iterator[tuple[str, float | None]]:
    """JetPack 5 and later: the kernel's Documentation/hwmon/ina3221. Millivolts and milliamperes; three channels."""
    for sensor in sysfs.matching(root, "sys/class/hwmon/hwmon*"):
        if sysfs.text(f"{sensor}/name") != "ina3221":
            continue
        for channel in "123":
            name = sysfs.text(f"{sensor}/in{channel}_label")
            volts = sysfs.scaled(f"{sensor}/in{channel}_input", 1000)
            amperes = sysfs.scaled(f"{sensor}/curr{channel}_input", 1000)
            if name and name != "NC" and volts is not None and amperes is not None:
                yield name, round(volts * amperes, 3)


def _iio(root: Path) -> Iterator[tuple[str, float | None]]:
    """JetPack 4: NVIDIA's own driver, with names and milliwatts."""
    for device in sysfs.matching(root, "sys/bus/i2c/drivers/ina3221x/*/iio:device*"):
        for channel in "012":
            name = sysfs.text(f"{device}/rail_name_{channel}")
            if name:
                yield name, sysfs.scaled(f"{device}/in_power{channel}_input", 1000)
