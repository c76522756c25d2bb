"""How much of the machine somebody else used while a figure was taken."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

QUIET = 0.1
"""Cores that others may use in a quiet second."""
_STEP = 1.0
_MARGIN = 0.5


class Busy:
    """cores: how many cores' worth of time others took, stolen time included, over the whole. seconds: in each."""

    def __init__(self) -> None:
        self.seconds: list[tuple[float, float]] = []

    @property
    def cores(self) -> float:
        return round(sum(cores for _, cores in self.seconds) / max(len(self.seconds), 1), 2)

    def loud(self, begin: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Of spans of time.monotonic(): whether others were busy in them or half a second around."""
        result = np.zeros(len(begin), bool)
        for at, cores in self.seconds:
            if cores > QUIET:
                result |= (begin - _MARGIN < at) & (end + _MARGIN > at - _STEP)
        return result


@contextmanager
def others() -> Iterator[Busy]:
    """Counts what is neither this process, its children (living or ended) nor idle."""
    busy, over = Busy(), threading.Event()

    def watch() -> None:
        before, start = _used() - _own(), time.monotonic()
        while not over.wait(_STEP):
            now, at = _used() - _own(), time.monotonic()
            busy.seconds.append((at, max(0.0, now - before) / (at - start)))
            before, start = now, at

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield busy
    finally:
        over.set()
        thread.join()


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
