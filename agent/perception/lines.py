"""Who crosses a line, and which way. By the foot point, once per crossing, however the box jitters.

A track is clear of the line once its foot is a part of its own size away from it. It has crossed when it is clear on
the other side and its way there led through the line, not around its ends; or when it vanishes on that way.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import hypot
from typing import TYPE_CHECKING

from agent.perception.facts import LineCount
from agent.perception.geometry import crosses, foot, side

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from agent.perception.facts import Box, Direction, Point
    from agent.perception.settings import Line
    from agent.perception.track import Track

CLEAR = 0.15
"""Share of the box's width or height, whichever way it goes, that its foot must be away from the line. Boxes of one
object jitter by a tenth; measured by the object itself, so that it holds for what is far away."""
BEYOND = 0.05
"""The same for one that walked and was never seen again, as behind a door: it has hardly turned back unseen. And for
one that came into view so, and walked on until it was clear on the other side."""
STOOD = 2.0
"""Seconds of standing still after which nobody knows any more where one came from that has not been clear yet."""
_CUT = 0.99
"""A box that ends lower than this is cut by the picture's lower edge."""
_SMALLEST = 1e-4
_MOST_HELD = 8

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

    came: the side on which it came into view, just off the line; 0 where it was upon it or has stood there since.
    through: how often it has gone through the line since, less how often back: ways around an end do not count.
    turned: when it last did either (media time, seconds).
    confirmed: whether its crossings count; held: those of the time before.
    """

    point: Point
    side: int
    clear: int = 0
    came: int = 0
    through: int = 0
    turned: float = 0.0
    confirmed: bool = False
    held: deque[Direction] = field(default_factory=lambda: deque(maxlen=_MOST_HELD))


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
        # What was counted of a label that is not wanted here any more is kept, and told if it ever is again.
        wanted = [c for c in (*told, *self.totals) if c is None or line.class_ids is None or c in line.class_ids]
        self._untold: dict[int | None, None] = dict.fromkeys([None, *wanted])

    @property
    def line(self) -> Line:
        return self._line

    def tell(self, told: Iterable[int]) -> None:
        """The totals of these class ids are told, too, though nobody of them may ever come."""
        wanted = (c for c in told if self._line.class_ids is None or c in self._line.class_ids)
        self._untold.update(dict.fromkeys(c for c in wanted if c not in self.totals))

    def update(self, wall: float, tracks: Sequence[Track], tentative: Sequence[Track] = ()) -> list[Crossing]:
        """Those that this look has seen. wall: when that was.

        tracks: the confirmed ones. tentative: the others; what they cross counts once they are confirmed.
        """
        for track in tentative:
            if self._wants(track):
                walk, direction = self._step(track)
                if direction is not None:
                    walk.held.append(direction)
        found: list[Crossing] = []
        for track in tracks:
            if self._wants(track):
                walk, direction = self._step(track)
                walk.confirmed = True
                while walk.held:
                    found.append(self._count(track, walk.held.popleft(), wall))
                if direction is not None:
                    found.append(self._count(track, direction, wall))
        return found

    def vanished(self, wall: float, tracks: Iterable[Track]) -> list[Crossing]:
        """tracks: they have ended, for they were looked for and not found. Those that were last seen beyond the line.

        A track that has stood still since before it went through has not done so: it trembled.
        """
        found = []
        for track in tracks:
            walk = self._walks.pop(track.id, None)
            if walk is None or not walk.confirmed or _stood(track, walk):
                continue
            off = side(self._line.first, self._line.last, walk.point)
            if walk.side * walk.clear < 0 < walk.through * walk.side and abs(off) >= self._band(track.box, off, BEYOND):
                found.append(self._count(track, self._direction(walk.side), wall))
        return found

    def nearing(self, tracks: Iterable[Track], predicted: Iterable[Box]) -> Iterator[int]:
        """Ids of those on their way across: who vanishes there counts by the last look, so each one matters.

        predicted: where each of the tracks is believed to be. Who stands in the way is not on it.
        """
        first, last = self._line.first, self._line.last
        for track, box in zip(tracks, predicted, strict=True):
            walk = self._walks.get(track.id)
            if walk is None or _stands(track):
                continue
            point = foot(box)
            if walk.through or (side(first, last, point) * walk.side < 0 and crosses(walk.point, point, first, last)):
                yield track.id

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

    def known(self, wall: float) -> list[LineCount]:
        """Those of them that were counted before and have not been told yet: for that nobody need look."""
        counted = [class_id for class_id in self._untold if class_id in self.totals]
        for class_id in counted:
            del self._untold[class_id]
        return [LineCount(self.id, class_id, *self.totals[class_id], wall) for class_id in counted]

    def _wants(self, track: Track) -> bool:
        return self._line.class_ids is None or track.class_id in self._line.class_ids

    def _step(self, track: Track) -> tuple[_Walk, Direction | None]:
        first, last = self._line.first, self._line.last
        point = foot(track.box)
        off = side(first, last, point)
        walk = self._walks.get(track.id)
        if walk is None:
            walk = self._walks[track.id] = _Walk(point, _sign(off))
            walk.came = walk.side if abs(off) > self._band(track.box, off, BEYOND) else 0
        elif _stands(track):
            walk.came = 0
        now = _sign(off) or walk.side  # on the very line: still where it came from
        if now != walk.side and walk.side and crosses(walk.point, point, first, last):
            walk.through, walk.turned = walk.through + now, track.last_time
        walk.point, walk.side = point, now
        if now == walk.clear and not walk.through:  # nothing is begun, so how far away it is changes nothing
            return walk, None
        if not now or abs(off) < self._band(track.box, off, CLEAR):
            return walk, None
        before, walk.clear = walk.clear or walk.came, now
        through, walk.through = walk.through, 0
        if not before or before == now or through * now <= 0:
            return walk, None
        return walk, self._direction(now)

    def _direction(self, now: int) -> Direction:
        return "in" if (now > 0) != self._line.reverse else "out"

    def _band(self, box: Box, off: float, share: float) -> float:
        """`side` of a point that is this share of the box's size away from the line, in the direction across it."""
        width, height = max(box[2] - box[0], _SMALLEST), max(box[3] - box[1], _SMALLEST)
        (ax, ay), (bx, by) = self._line.first, self._line.last
        if box[3] >= _CUT and off * (bx - ax) > 0:
            height = _SMALLEST  # the foot is below the picture, and further from the line than can be seen
        return share * hypot((bx - ax) * height, (by - ay) * width)

    def _count(self, track: Track, direction: Direction, wall: float) -> Crossing:
        for key in (track.class_id, None):
            into, out, since = self.totals.get(key, (0, 0, wall))
            into, out = into + (direction == "in"), out + (direction == "out")
            self.totals[key] = (into, out, since)
            self._untold[key] = None
        return Crossing(track, self.id, direction)


def _stands(track: Track) -> bool:
    return track.still_since is not None and track.last_time - track.still_since >= STOOD


def _stood(track: Track, walk: _Walk) -> bool:
    """Whether it has stood still since before it went through the line."""
    return track.still_since is not None and track.still_since <= walk.turned


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
