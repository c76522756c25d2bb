"""libedgetpu: where it is, whether it fits this machine, and the index by which it knows a chip.

Only its C symbols of edgetpu_c.h are called here, none of which opens a device.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backends.contract import BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backends.tflite.coral import Chip

VARIABLE = "VEDETTE_LIBEDGETPU"
"""Names the library's file where no option does."""
NAMES = ("libedgetpu.so.1", "libedgetpu.so.1.0")
_FOLDERS = ("/usr/lib/{multiarch}", "/lib/{multiarch}", "/usr/local/lib/{multiarch}", "/usr/local/lib", "/usr/lib")
_HINT = "apt install libedgetpu1-std; for Python 3.10 and newer its builds for TensorFlow 2.16 or newer"
_MACHINES = {3: "x86", 40: "32-bit ARM", 62: "x86-64", 183: "aarch64", 243: "RISC-V"}


class _Listed(ctypes.Structure):
    """struct edgetpu_device: type 0 is PCIe, 1 is USB; path is /dev/apex_0 or /sys/bus/usb/devices/2-1."""

    _fields_ = (("type", ctypes.c_int), ("path", ctypes.c_char_p))


@dataclass(frozen=True, slots=True)
class Library:
    """path: what `load_delegate` is given. listed: (kind, path) of the chips in its order; None: it cannot tell."""

    path: str
    version: str
    listed: tuple[tuple[str, str], ...] | None


def find(wanted: str | None = None) -> Library:
    """The library that the option or the environment names, else the first that loads.

    Raises BackendUnavailable saying what is missing, or why the one that is there does not load.
    """
    named = wanted or os.environ.get(VARIABLE)
    errors = []
    for name in [named] if named else [*NAMES, *_paths()]:
        try:
            return _described(name, ctypes.CDLL(name))
        except OSError as e:
            errors.append((name, str(e)))
    if named and "/" in named and not Path(named).exists():
        raise BackendUnavailable(f"there is no library {named}", _HINT)
    for name, text in errors:
        if named or "/" in name or "cannot open shared object file: No such file" not in text:
            raise BackendUnavailable(_why(name, text), _HINT)
    # The loader says "no such file" of the library, and of one that it needs.
    needed = [text for name, text in errors if not text.startswith(name)]
    raise BackendUnavailable(needed[0] if needed else f"the library {NAMES[0]} is not installed", _HINT)


def index(library: Library, chip: Chip, chips: Sequence[Chip]) -> str:
    """The chip as delegate option "device": "usb:0", "pci:1". Never without a number: then options are dropped.

    Raises BackendUnavailable where the library does not see the chip.
    """
    if library.listed is None:
        return f"{chip.kind}:{[one.id for one in chips if one.kind == chip.kind].index(chip.id)}"
    same = [path.rpartition("/")[2] for kind, path in library.listed if kind == chip.kind]
    own = chip.id.partition(":")[2] if chip.kind == "usb" else chip.node.name
    if own in same:
        return f"{chip.kind}:{same.index(own)}"
    # With its firmware a chip may come back at the other bus of the same socket.
    if len(same) == 1 and [one.kind for one in chips].count(chip.kind) == 1:
        return f"{chip.kind}:0"
    raise BackendUnavailable(
        f"{chip.id} is there, but libedgetpu does not see it", f"it lists {', '.join(same) or 'no device'}"
    )


def _paths() -> list[str]:
    triplet = sysconfig.get_config_var("MULTIARCH") or ""
    folders = [folder.format(multiarch=triplet) for folder in _FOLDERS]
    return [str(path) for folder in folders for name in NAMES if (path := Path(folder, name)).exists()]


def _described(name: str, library: ctypes.CDLL) -> Library:
    if not hasattr(library, "tflite_plugin_create_delegate"):
        raise BackendUnavailable(f"{name} is not a TensorFlow Lite delegate", _HINT)
    version = "unknown"
    if hasattr(library, "edgetpu_version"):
        library.edgetpu_version.restype = ctypes.c_char_p
        version = (library.edgetpu_version() or b"unknown").decode(errors="replace")
    return Library(name, version, _listed(library))


def _listed(library: ctypes.CDLL) -> tuple[tuple[str, str], ...] | None:
    if not (hasattr(library, "edgetpu_list_devices") and hasattr(library, "edgetpu_free_devices")):
        return None
    library.edgetpu_list_devices.argtypes = [ctypes.POINTER(ctypes.c_size_t)]
    library.edgetpu_list_devices.restype = ctypes.POINTER(_Listed)
    library.edgetpu_free_devices.argtypes = [ctypes.POINTER(_Listed)]
    library.edgetpu_free_devices.restype = None
    count = ctypes.c_size_t()
    devices = library.edgetpu_list_devices(ctypes.byref(count))
    if not devices:
        return ()
    found = tuple(
        ("usb" if devices[i].type == 1 else "pci", (devices[i].path or b"").decode(errors="replace"))
        for i in range(count.value)
    )
    library.edgetpu_free_devices(devices)
    return found


def _why(name: str, text: str) -> str:
    theirs, ours = _machine(name), _machine(sys.executable)
    if theirs and theirs != ours:
        return f"{name} is built for {_MACHINES.get(theirs, f'machine {theirs}')}, this is {_MACHINES.get(ours, ours)}"
    return f"{name} cannot be loaded: {text}"


def _machine(path: str) -> int:
    """e_machine of an ELF file (ELF specification, figure 4-3); 0 for anything else."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(20)
    except OSError:
        return 0
    return int(struct.unpack_from("<H", head, 18)[0]) if head[:4] == b"\x7fELF" and len(head) == 20 else 0
