"""How much of the machine somebody else used while a figure was taken."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Busy:
    """cores: how many cores' worth of time others took, stolen time included. Set at the end of `others`."""

    cores = 0.0


@contextmanager
def others() -> Iterator[Busy]:
    """Counts what is neither this process, its children (living or ended) nor idle."""
    busy = Busy()
    used, own, start = _used(), _own(), time.monotonic()
    yield busy
    busy.cores = round(max(0.0, (_used() - used) - (_own() - own)) / (time.monotonic() - start), 2)


def _used() -> float:
    fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / os.sysconf("SC_CLK_TCK")


def _own() -> float:
    """Seconds of CPU of this process and all its descendants. Those that are gone count for their parents."""
    rows = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        rows[int(stat.parent.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    family, grew = {os.getpid()}, True
    while grew:
        more = {pid for pid, (parent, _) in rows.items() if parent in family} - family
        grew = bool(more)
        family |= more
    return sum(rows[pid][1] for pid in family if pid in rows) / os.sysconf("SC_CLK_TCK")
