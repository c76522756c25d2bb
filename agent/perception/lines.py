"""Who crosses a line, and which way. By the foot point, once per crossing, however the box jitters.

A track is clear of the line once its foot is a part of its own size away from it. It has crossed when it is clear on
the other side and its way there led through the line, not around its ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING

from agent.perception.facts import LineCount
from agent.perception.geometry import crosses, foot, side

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agent.perception.facts import Box, Direction, Point
    from agent.perception.settings import Line
    from agent.perception.track import Track

CLEAR = 0.15
"""Share of the box's width or height, whichever way it goes, that its foot must be away from the line. Boxes of one
object jitter by a tenth; measured by the object itself, so that it holds for what is far away."""
_SMALLEST = 1e-4

Totals = dict["int | None", tuple[int, int, float]]
"""By class id, None for all: in, out, and since when (wall clock)."""


@dataclass(frozen=True, slots=True)
class Crossing:
    track: Track
    line: str
    direction: Direction


@dataclass(slots=True)
class _Walk:
    """clear: the side it was last clear on, 0 if never.

    through: how often it has gone through the line since, less how often back: ways around an end do not count.
    """

    point: Point
    side: int
    clear: int = 0
    through: int = 0


class LineWatch:
    """totals: what was counted before; they only grow. told: class ids whose totals are told from the start."""

    def __init__(
        self,
        line: Line,
        totals: Mapping[int | None, tuple[int, int, float]] | None = None,
        told: Iterable[int] = (),
    ) -> None:
        self.id = line.id
        self.totals: Totals = dict(totals or {})
        self._line = line
        self._walks: dict[int, _Walk] = {}
        wanted = [c for c in told if line.class_ids is None or c in line.class_ids]
        self._untold: dict[int | None, None] = dict.fromkeys([None, *wanted, *self.totals])

    def update(self, wall: float, tracks: Sequence[Track]) -> list[Crossing]:
        """tracks: those that this look has seen. wall: when that was."""
        found = []
        wanted = self._line.class_ids
        for track in tracks:
            if wanted is None or track.class_id in wanted:
                direction = self._step(track)
                if direction is not None:
                    self._count(track.class_id, direction, wall)
                    found.append(Crossing(track, self.id, direction))
        return found

    def forget(self, track: Track) -> None:
        self._walks.pop(track.id, None)

    def facts(self, wall: float) -> list[LineCount]:
        """The totals that have changed since the last call; the first time all that are told from the start."""
        if not self._untold:
            return []
        changed, self._untold = self._untold, {}
        found = []
        for class_id in changed:
            into, out, since = self.totals.setdefault(class_id, (0, 0, wall))
            found.append(LineCount(self.id, class_id, into, out, since, wall))
        return found

    def _step(self, track: Track) -> Direction | None:
        first, last = self._line.first, self._line.last
        point = foot(track.box)
        off = side(first, last, point)
        walk = self._walks.get(track.id)
        if walk is None:
            walk = self._walks[track.id] = _Walk(point, _sign(off))
        now = _sign(off) or walk.side  # on the very line: still where it came from
        if now != walk.side and walk.side and crosses(walk.point, point, first, last):
            walk.through += now
        walk.point, walk.side = point, now
        if abs(off) < CLEAR * self._size_across(track.box) or not now:
            return None
        before, walk.clear = walk.clear, now
        through, walk.through = walk.through, 0
        if not before or before == now or through * now <= 0:
            return None
        return "in" if (now > 0) != self._line.reverse else "out"

    def _size_across(self, box: Box) -> float:
        """`side` of a point that is one box size away from the line: its size in the direction across the line."""
        width, height = max(box[2] - box[0], _SMALLEST), max(box[3] - box[1], _SMALLEST)
        (ax, ay), (bx, by) = self._line.first, self._line.last
        return width * height * hypot((bx - ax) / width, (by - ay) / height)

    def _count(self, class_id: int, direction: Direction, wall: float) -> None:
        for key in (class_id, None):
            into, out, since = self.totals.get(key, (0, 0, wall))
            into, out = into + (direction == "in"), out + (direction == "out")
            self.totals[key] = (into, out, since)
            self._untold[key] = None


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
