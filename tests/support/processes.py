"""Processes as /proc tells of them."""

from __future__ import annotations

from pathlib import Path


def children(pid: int) -> dict[int, str]:
    """The state letter (proc_pid_stat(5): R, S, Z, ...) of each child of `pid`."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it has ended meanwhile
        if int(parent) == pid:
            found[int(stat.parent.name)] = state
    return found


def workers_of(pid: int) -> list[int]:
    """The living worker processes of the daemon `pid`."""
    return [child for child in children(pid) if b"backends.worker" in command_of(child)]


def zombies_of(pid: int) -> list[int]:
    return [child for child, state in children(pid).items() if state == "Z"]


def descriptors_of(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def loaded_of(pid: int) -> int:
    """How many workers of the daemon `pid` have loaded their engine: it maps a file in memory for each."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return len({line.split()[4] for line in lines if "/memfd:" in line})


def command_of(pid: int) -> bytes:
    """Its argument list, each word ended by a zero byte."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
