"""Why an Edge TPU cannot be used. libedgetpu itself gives no reason, only a null pointer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from backends.contract import BackendUnavailable
from backends.tflite import coral

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.tflite.coral import Chip

_POWER = "use a powered hub or the official supply, and another cable"
_GROUP = {"usb": "plugdev", "pci": "apex"}


def none_found(at: Path) -> BackendUnavailable:
    """Nothing is in the list of chips: the most likely reason."""
    if coral.driverless(at):
        return BackendUnavailable(
            "the PCIe Edge TPU has no driver: there is no /dev/apex_0", "install gasket-dkms for this kernel"
        )
    if coral.under_voltage(at):
        return BackendUnavailable("no Edge TPU is there, and this machine reports under-voltage", _POWER)
    return BackendUnavailable("no Edge TPU is plugged in", "lsusb would show 1a6e:089a or 18d1:9302")


def not_opened(chip: Chip, at: Path, may_open: Callable[[Path, int], bool] = os.access) -> BackendUnavailable:
    """A chip is listed, but libedgetpu could not open it: the most likely reason."""
    if chip not in coral.chips(at):
        return BackendUnavailable(f"{chip.id} went away or changed while it was opened", "it is tried again")
    barred = closed(chip, may_open)
    if barred is not None:
        return barred
    holder = _holder(chip.node)
    if holder:
        return BackendUnavailable(f"{chip.id} is busy: {holder} has it open", "only one process can use it")
    if coral.under_voltage(at):
        return BackendUnavailable(f"{chip.id} does not start, and this machine reports under-voltage", _POWER)
    if chip.fresh:
        return BackendUnavailable(
            f"{chip.id} does not start: it stays 1a6e:089a, without its firmware", f"the port may be weak: {_POWER}"
        )
    return BackendUnavailable(
        f"{chip.id} cannot be opened, for a reason that libedgetpu does not tell",
        "another user's process may hold it; else unplug it for a moment",
    )


def closed(chip: Chip, may_open: Callable[[Path, int], bool] = os.access) -> BackendUnavailable | None:
    """Why no process of this user can open the chip; None where one may try."""
    if not chip.node.exists():
        return BackendUnavailable(
            f"{chip.id}: {chip.node} does not exist", "in a container, pass all of /dev/bus/usb, or /dev/apex_0"
        )
    if not may_open(chip.node, os.R_OK | os.W_OK):
        group = _GROUP[chip.kind]
        return BackendUnavailable(
            f"{chip.id}: no permission to open {chip.node}",
            f"the udev rules of libedgetpu give it to the group {group}: usermod -aG {group} USER",
        )
    return None


def remarks(chip: Chip, at: Path) -> tuple[str, ...]:
    """What an operator should know of a chip that works."""
    found = []
    if 0 < chip.speed < 5000:
        found.append(f"{chip.id} runs at {chip.speed} Mbit/s: a USB 3 port is about three times as fast")
    if coral.under_voltage(at):
        found.append(f"this machine reports under-voltage: {_POWER}")
    return tuple(found)


def _holder(node: Path) -> str:
    """Another process that has the node open, as "NAME (process N)"; empty where none is seen."""
    wanted = node.resolve()
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(fd.readlink() == wanted for fd in (process / "fd").iterdir()):
                return f"{coral.read(process / 'comm') or 'something'} (process {process.name})"
        except OSError:
            continue  # it ended, or is another user's
    return ""
