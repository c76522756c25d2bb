"""Whether a track stays where it is, however its box jitters."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.perception.facts import Box

MOVED = 0.25
"""Share of its width or height by which it must be off the place where it has been, in `LOOKS` looks in a row."""
LOOKS = 2
STILL = 1.0
"""Seconds in one place after which it is still."""
DRIFT = 0.1
"""Share of its height by which it may drift off the place, or grow in both directions, as who walks away from the
camera or towards it. Measured on the mean of `_SOON` seconds: single boxes jitter by as much."""
_SOON, _LONG = 0.5, 4.0
"""Seconds over which boxes are averaged: to where it is now, and to the place where it has been."""
_PULL = 0.5
"""What is left of a drift once it is noticed: who drifts on is noticed again soon, who stops is not."""


@dataclass(slots=True)
class Rest:
    """box: the place where it has been since `since` (media time, seconds), a mean of boxes."""

    box: Box
    since: float
    _now: Box | None = None
    _at: float | None = None
    _off: int = 0

    def seen(self, time: float, box: Box) -> float | None:
        """Since when it has stayed here; None while it moves."""
        elapsed = max(0.0, time - (self.since if self._at is None else self._at))
        self._at = time
        if self._away(box):
            self._off += 1
            if self._off >= LOOKS:
                self.box, self._now, self.since, self._off = box, box, time, 0
        else:
            self._off = 0
            # However long ago the last look was: one box alone moves nobody.
            now = self._now = _mean(self._now or self.box, box, min(1 - exp(-elapsed / _SOON), 0.5))
            if _drift(self.box, now) > DRIFT:
                self.box, self.since = _mean(self.box, now, 1 - _PULL), time
            else:
                self.box = _mean(self.box, now, 1 - exp(-elapsed / _LONG))
        return self.since if time - self.since >= STILL else None

    def _away(self, box: Box) -> bool:
        x1, y1, x2, y2 = self.box
        width, height = max(x2 - x1, 1e-6), max(y2 - y1, 1e-6)
        across = max(abs(box[0] - x1), abs(box[2] - x2)) / width
        # Both edges must have gone the same way: one alone is a box that breathes.
        drift = min(abs(box[0] + box[2] - x1 - x2) / 2 / width, across)
        fall = abs(box[1] + box[3] - y1 - y2) / 2 / height
        return max(drift, fall) > MOVED


def _mean(one: Box, other: Box, part: float) -> Box:
    """part: what the other one weighs, 0..1."""
    (x1, y1, x2, y2), (a, b, c, d) = one, other
    return (x1 + part * (a - x1), y1 + part * (b - y1), x2 + part * (c - x2), y2 + part * (d - y2))


def _drift(before: Box, now: Box) -> float:
    """How far it has gone up or down the picture, or by how much it has grown or shrunk, in shares of its size."""
    x1, y1, x2, y2 = before
    a, b, c, d = now
    height, width = max(y2 - y1, 1e-6), max(x2 - x1, 1e-6)
    fall, taller, wider = abs(b + d - y1 - y2) / 2 / height, (d - b) / height - 1, (c - a) / width - 1
    # One direction alone is one who is half hidden, or stretches his arms.
    return max(fall, min(taller, wider), -max(taller, wider))
