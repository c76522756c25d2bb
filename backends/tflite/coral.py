"""Edge TPUs as the kernel shows them, without opening one: an open device is lost to every other process.

USB: 1a6e:089a before its firmware is loaded, which the first process that opens it does, and 18d1:9302 from then on
(debian/edgetpu-accelerator.rules of libedgetpu). PCIe: what the driver apex serves as /dev/apex_N.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = "VEDETTE_CORAL_ROOT"
"""Names a folder that stands for / (its sys/ and dev/ are looked at), for tests without a chip."""
_FRESH = ("1a6e", "089a")
_READY = ("18d1", "9302")
_PCI = ("0x1ac1", "0x089a")


@dataclass(frozen=True, slots=True)
class Chip:
    """id: "usb:2-1" by the port, which a replug and a restart leave as it is; "pci:0". node: what a process opens.

    fresh: still without firmware, as after every plug. speed: Mbit/s of the USB port, 0 where unknown or PCIe.
    """

    id: str
    node: Path
    fresh: bool = False
    speed: int = 0

    @property
    def kind(self) -> str:
        return self.id.partition(":")[0]

    @property
    def name(self) -> str:
        return "Coral USB Accelerator" if self.kind == "usb" else "Coral PCIe accelerator"


def root() -> Path:
    return Path(os.environ.get(ROOT) or "/")


def chips(at: Path) -> tuple[Chip, ...]:
    """All Edge TPUs below the root `at`, USB first, sorted by port."""
    return (*_usb(at), *_pci(at))


def driverless(at: Path) -> bool:
    """Whether a PCIe Edge TPU sits in its slot and no driver serves it."""
    cards = (at / "sys/bus/pci/devices").glob("*")
    return not any(_pci(at)) and any((read(c / "vendor"), read(c / "device")) == _PCI for c in cards)


def temperature(chip: Chip, at: Path) -> float | None:
    """Degrees Celsius of a PCIe chip; a USB one has no sensor."""
    text = read(at / "sys/class/apex" / chip.node.name / "temp") if chip.kind == "pci" else ""
    try:
        return int(text) / 1000
    except ValueError:
        return None


def under_voltage(at: Path) -> bool:
    """Whether a Raspberry Pi says that its supply is too weak now (driver raspberrypi-hwmon)."""
    sensors = (at / "sys/class/hwmon").glob("*")
    return any(read(s / "name") == "rpi_volt" and read(s / "in0_lcrit_alarm") == "1" for s in sensors)


def read(path: Path) -> str:
    """The text of a sysfs file, empty where there is none: a device may vanish while it is looked at."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _usb(at: Path) -> list[Chip]:
    found = []
    for port in sorted((at / "sys/bus/usb/devices").glob("*")):
        ids = (read(port / "idVendor"), read(port / "idProduct"))
        bus, number = read(port / "busnum"), read(port / "devnum")
        if ids in {_FRESH, _READY} and bus.isdecimal() and number.isdecimal():
            node = at / f"dev/bus/usb/{int(bus):03}/{int(number):03}"
            speed = read(port / "speed").partition(".")[0]
            found.append(Chip(f"usb:{port.name}", node, ids == _FRESH, int(speed) if speed.isdecimal() else 0))
    return found


def _pci(at: Path) -> list[Chip]:
    names = (entry.name for entry in (at / "sys/class/apex").glob("apex_*"))
    numbers = sorted(int(name[5:]) for name in names if name[5:].isdecimal())
    return [Chip(f"pci:{n}", at / f"dev/apex_{n}") for n in numbers]
