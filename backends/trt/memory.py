"""Whether there is memory to build an engine, and what to do where not. Nothing ends more builds on a Jetson."""

from __future__ import annotations

from pathlib import Path

_MIB = 1 << 20
_BASE_MIB = 700
"""What CUDA, TensorRT and its libraries of kernels took before the first layer, by reports from a Nano."""
_SMALL_MIB = 6 * 1024
RECIPE = (
    "stop the desktop and other programs, or add 4 GB of swap on disk: sudo systemctl disable nvzramconfig; "
    "sudo fallocate -l 4G /swapfile; sudo chmod 600 /swapfile; sudo mkswap /swapfile; sudo swapon /swapfile; "
    "or let the builder use less: option workspace_mib: 128"
)


def workspace_mib(stated: int, proc: Path = Path("/proc")) -> int:
    """What the builder may use for one layer: as stated, else by the machine's size, the same at every start."""
    if stated:
        return stated
    total = _meminfo(proc).get("MemTotal", 0)
    return 256 if total < _SMALL_MIB else 1024


def shortage(model_bytes: int, workspace: int, proc: Path = Path("/proc")) -> str:
    """Why an engine cannot be built now, or nothing. Swap on disk counts, compressed memory (zram) does not."""
    needed = _BASE_MIB + workspace + 4 * model_bytes // _MIB
    meminfo = _meminfo(proc)
    if "MemAvailable" not in meminfo:
        return ""  # not known is not too little
    available = meminfo["MemAvailable"] + _disk_swap(proc)
    if available >= needed:
        return ""
    return f"building the engine takes about {needed} MiB, of which {available} are free"


def _meminfo(proc: Path) -> dict[str, int]:
    """MiB by name; what cannot be read is not in it."""
    found = {}
    try:
        for line in (proc / "meminfo").read_text().splitlines():
            name, _, value = line.partition(":")
            words = value.split()
            if words and words[0].isdecimal():
                found[name] = int(words[0]) // 1024
    except OSError:
        return {}
    return found


def _disk_swap(proc: Path) -> int:
    """Free MiB."""
    try:
        rows = [line.split() for line in (proc / "swaps").read_text().splitlines()[1:]]
    except OSError:
        return 0
    return sum((int(row[2]) - int(row[3])) // 1024 for row in rows if len(row) >= 4 and "zram" not in row[0])
