"""What this computer says of itself: board, system, memory, load, temperature. Files only, nothing is run."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path

from agent.runtime.board import sysfs


def board(root: Path = Path("/")) -> str:
    """The board's own name (Raspberry Pi, Jetson), else the PC's product name, else the architecture."""
    for name in ("proc/device-tree/model", "sys/class/dmi/id/product_name"):
        with contextlib.suppress(OSError):
            text = (root / name).read_text(errors="replace").strip("\0\n ")
            if text:
                return text
    return platform.machine()


def operating_system() -> str:
    with contextlib.suppress(OSError):
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return "Linux"


def resident_bytes(pid: int) -> int | None:
    """Memory of a process that is in RAM; None when there is no such process."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((sysfs.text(f"/proc/{pid}/statm") or "").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return None


def memory(root: Path = Path("/")) -> dict[str, int]:
    """Bytes by the kernel's name (MemTotal, MemAvailable: what can be had without swapping); empty if it says none."""
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        return {}
    words = (line.split() for line in lines)
    return {word[0].rstrip(":"): int(word[1]) * 1024 for word in words if len(word) > 1 and word[1].isdecimal()}


def own_resident_bytes() -> int:
    return resident_bytes(os.getpid()) or 0


def load() -> tuple[float, float, float]:
    """The load average of 1, 5 and 15 minutes."""
    return os.getloadavg()
