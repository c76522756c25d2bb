"""How long things take, counted by bounds: cheap enough for every frame. Belongs to no room."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
"""Seconds; a duration counts below the first bound that it does not exceed."""


class Histogram:
    """Fed by one thread, read by any: a reader may see a duration counted and not yet summed."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds

    def cumulative(self) -> list[int]:
        """For each bound how many did not exceed it; the last is the number of all."""
        return list(accumulate(self._counts))
