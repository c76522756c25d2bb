"""Whether a track stays where it is, however its box jitters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.perception.facts import Box

MOVED = 0.25
"""Share of its width or height by which it must be off the place where it has been, in `LOOKS` looks in a row."""
LOOKS = 2
STILL = 1.0
"""Seconds in one place after which it is still."""
_MEMORY = 20


@dataclass(slots=True)
class Rest:
    """box: the mean of the boxes since `since` (media time, seconds), of the last `_MEMORY` or so."""

    box: Box
    since: float
    _boxes: int = 1
    _off: int = 0

    def seen(self, time: float, box: Box) -> float | None:
        """Since when it has stayed here; None while it moves."""
        if self._away(box):
            self._off += 1
            if self._off >= LOOKS:
                self.box, self.since, self._boxes, self._off = box, time, 1, 0
        else:
            self._off = 0
            self._boxes = min(self._boxes + 1, _MEMORY)
            part = 1 / self._boxes
            (x1, y1, x2, y2), (a, b, c, d) = self.box, box
            self.box = (x1 + part * (a - x1), y1 + part * (b - y1), x2 + part * (c - x2), y2 + part * (d - y2))
        return self.since if time - self.since >= STILL else None

    def _away(self, box: Box) -> bool:
        x1, y1, x2, y2 = self.box
        width, height = max(x2 - x1, 1e-6), max(y2 - y1, 1e-6)
        across = max(abs(box[0] - x1), abs(box[2] - x2)) / width
        # Both edges must have gone the same way: one alone is a box that breathes.
        drift = min(abs(box[0] + box[2] - x1 - x2) / 2 / width, across)
        fall = abs(box[1] + box[3] - y1 - y2) / 2 / height
        return max(drift, fall) > MOVED
