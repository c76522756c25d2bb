"""The machine and its software."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent import __version__
from agent.runtime import machine
from agent.runtime.board import sysfs
from agent.runtime.board.reading import Thermometer, read
from agent.runtime.governor import MARGIN
from agent.tools.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path("/")
_L4T = re.compile(r"R(\d+) \(release\), REVISION: ([\d.]+)")
_LITTLE_MEMORY = 150e6
_POWER = "the board's own supply, a shorter and thicker cable, and a powered hub for what hangs on USB"
_COOL = "a heat sink or a fan, more air, or a lower fps of the cameras"


def system(root: Path = _ROOT) -> Iterator[Finding]:
    page = os.sysconf("SC_PAGE_SIZE") // 1024
    words = (
        machine.board(root),
        machine.operating_system(),
        l4t(root),
        f"Linux {platform.release()} {platform.machine()} with pages of {page} KiB",
        f"Python {platform.python_version()} in {sys.prefix}{'' if sys.prefix != sys.base_prefix else ' (no venv)'}",
        " ".join(platform.libc_ver()),
        f"vedette {__version__}",
    )
    yield Finding("system", "ok", ", ".join(word for word in words if word.strip()))
    if sys.maxsize < 2**32:
        text = "this is a 32-bit system: OpenVINO and LiteRT have no packages for it"
        yield Finding("system", "warning", text, "install the 64-bit edition of the same system")


def l4t(root: Path) -> str:
    """NVIDIA's release of a Jetson, "L4T 36.4.3", by the first line of /etc/nv_tegra_release; empty elsewhere."""
    match = _L4T.search(sysfs.text(root / "etc/nv_tegra_release") or "")
    return f"L4T {match[1]}.{match[2]}" if match else ""


def power(root: Path = _ROOT) -> Iterator[Finding]:
    board, heat = read(root), Thermometer(root).heat()
    words = []
    if heat is not None:
        limit = f" (throttled at {heat.limit:.0f})" if heat.limit is not None else ""
        words.append(f"{heat.celsius:.0f} degrees{limit}")
        if heat.limit is not None and heat.celsius >= heat.limit - MARGIN:
            yield Finding("power", "warning", f"{heat.zone} has {words[0]}", _COOL)
    if board.throttled:
        fix = _POWER if board.undervoltage else _COOL
        yield Finding("power", "warning", "the board is throttled now, because of heat or a weak supply", fix)
    if board.undervoltage:
        yield Finding("power", "failed", "under-voltage now: USB devices and the SD card fail in odd ways", _POWER)
    elif board.seen:
        text = f"since the start there has been: {', '.join(board.seen)}"
        yield Finding("power", "warning", text, _POWER if "under-voltage" in board.seen else _COOL)
    if board.throttled is False:
        words.append("not throttled")
    if board.undervoltage is False:
        words.append("the supply is strong enough")
    if board.power_mode:
        words.append(f"power mode {board.power_mode}")
    words += [f"{rail} {watts:.1f} W" for rail, watts in board.power.items()]
    if words:
        yield Finding("power", "ok", ", ".join(words))
    else:
        yield Finding("power", "skipped", "this board reports nothing about its heat and power")


def memory(root: Path = _ROOT) -> Iterator[Finding]:
    known = machine.memory(root)
    if not known.get("MemTotal"):
        yield Finding("memory", "skipped", "the kernel does not tell")
        return
    available, swap = known.get("MemAvailable", 0), known.get("SwapTotal", 0)
    text = f"{available / 1e9:.1f} of {known['MemTotal'] / 1e9:.1f} GB available, {swap / 1e9:.1f} GB of swap"
    if available < _LITTLE_MEMORY:
        fix = "stop what is not needed, take a smaller model, or add swap (zram)"
        yield Finding("memory", "warning", text, fix)
    else:
        yield Finding("memory", "ok", text)
    killed = _killed(root)
    if killed:
        what = "a process" if killed == 1 else f"{killed} processes"
        text = f"since the start the kernel has killed {what} because memory was short"
        yield Finding(
            "memory", "warning", text, "journalctl -k --grep 'Out of memory' tells which; a smaller model helps"
        )


def _killed(root: Path) -> int:
    try:
        lines = (root / "proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
