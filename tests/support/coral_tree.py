"""Fake sysfs and /dev for Edge TPUs. What it does not prove: that a real kernel names things so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def usb(root: Path, port: str = "2-1", *, fresh: bool = False, speed: str = "5000", number: int = 4) -> Path:
    """A USB Edge TPU; returns its node."""
    vendor, product = ("1a6e", "089a") if fresh else ("18d1", "9302")
    bus = int(port.partition("-")[0])
    node = root / f"dev/bus/usb/{bus:03}/{number:03}"
    files = {"idVendor": vendor, "idProduct": product, "speed": speed, "busnum": str(bus), "devnum": str(number)}
    return _write(root / "sys/bus/usb/devices" / port, files, node)


def pci(root: Path, number: int = 0, millidegrees: str = "45600") -> Path:
    """A PCIe Edge TPU with its driver; returns its node."""
    return _write(root / f"sys/class/apex/apex_{number}", {"temp": millidegrees}, root / f"dev/apex_{number}")


def pci_without_driver(root: Path) -> None:
    _write(root / "sys/bus/pci/devices/0000:01:00.0", {"vendor": "0x1ac1", "device": "0x089a"}, None)


def supply(root: Path, alarm: str) -> None:
    """A Raspberry Pi's voltage sensor; alarm "1" is under-voltage."""
    _write(root / "sys/class/hwmon/hwmon3", {"name": "rpi_volt", "in0_lcrit_alarm": alarm}, None)


def _write(folder: Path, files: dict[str, str], node: Path | None) -> Path:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text + "\n")
    if node is None:
        return folder
    node.parent.mkdir(parents=True, exist_ok=True)
    node.touch()
    return node
