"""One track's life as its events tell it: seen, confirmed, told, ended."""

from __future__ import annotations

from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from agent.perception import views
from agent.perception.facts import TrackView, View

if TYPE_CHECKING:
    from agent.perception.facts import Direction, EndReason, Moment
    from agent.perception.track import Track

CONFIRM_HITS = 3
HISTORY = 25
"""Confidences whose median confirms a track, and is told as its confidence."""
LATELY, OF_THEM = 5, 4
"""The last looks, and how many of them confirm it too: one that was faint while far away need not wait for all."""
STATIONARY = 3.0
"""Seconds without moving after which a track is told to be stationary."""
LONGEST_PATH = 32
MOST_CROSSINGS = 64
_STEP = 0.25
"""A point is added to the path once the foot point has moved by this part of the box's size."""


@dataclass(slots=True)
class Life:
    """Begins with the track's second hit. Wall clocks in `first_seen` and `last_seen`; all else in media time.

    first_seen: of the first hit, reckoned back from the second by the camera's clock. path: points from the second hit
    on, with the seconds since the first. confirmed: it has been told of. nearly: it has not, though by its last look
    it would be. changed: since it was last told, so that an update is due. zones: seconds of the stays in each that are
    over; inside: since when, of those that last.
    """

    track: Track
    first_seen: float
    last_seen: float
    confirmed: bool = False
    nearly: bool = False
    changed: bool = False
    stationary: bool = False
    told_at: float = float("-inf")
    best_confidence: float = 0.0
    best_score: float = 0.0
    zones: dict[str, float] = field(default_factory=dict)
    inside: dict[str, float] = field(default_factory=dict)
    lines: deque[tuple[str, Direction]] = field(default_factory=lambda: deque(maxlen=MOST_CROSSINGS))
    path: list[tuple[float, float, float]] = field(default_factory=list)
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=HISTORY))
    _sorted: list[float] = field(default_factory=list)

    def seen(self, at: Moment) -> None:
        """Its track was matched in the look of `at`."""
        confidence = self.track.confidence
        self.last_seen = at.captured_at
        self.best_confidence = max(self.best_confidence, confidence)
        if len(self._recent) == HISTORY:
            self._sorted.remove(self._recent[0])
        self._recent.append(confidence)
        insort(self._sorted, confidence)
        self._walk()
        stationary = self.still(at.media_time)
        self.changed |= stationary != self.stationary
        self.stationary = stationary

    def still(self, now: float) -> bool:
        since = self.track.still_since
        return since is not None and now - since >= STATIONARY

    @property
    def confidence(self) -> float:
        """The median of the last ones, the lower of two in the middle."""
        return self._sorted[(len(self._sorted) - 1) // 2] if self._sorted else 0.0

    def sure(self, least: float) -> bool:
        """Whether it may be told of. least: the confidence its label needs."""
        if len(self._recent) + 1 < CONFIRM_HITS:
            return False
        return self.confidence >= least or sum(c >= least for c in islice(reversed(self._recent), LATELY)) >= OF_THEM

    def better_view(self) -> View | None:
        """The present view, if it beats those before."""
        score = views.score(self.track.box, self.track.confidence)
        if score <= views.BETTER * self.best_score:
            return None
        self.best_score = score
        self.changed = True
        return View(self.track.id, self.track.box, score)

    def end_reason(self) -> EndReason:
        """left: it was last seen at the picture's edge. lost: it vanished within."""
        return "left" if views.at_edge(self.track.box) else "lost"

    def view(self, *, stale: bool) -> TrackView:
        track = self.track
        return TrackView(
            track_id=track.id,
            class_id=track.class_id,
            confidence=self.confidence,
            best_confidence=self.best_confidence,
            box=track.box,
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            duration=track.last_time - track.first_time,
            stationary=self.stationary,
            stale=stale,
            zones=tuple((zone, seconds + self._stay(zone)) for zone, seconds in self.zones.items()),
            lines=tuple(self.lines),
            path=tuple(self.path),
        )

    def enter(self, zone: str, since: float) -> None:
        self.zones.setdefault(zone, 0.0)
        self.inside[zone] = since
        self.changed = True

    def leave(self, zone: str, seconds: float) -> None:
        self.zones[zone] = self.zones.get(zone, 0.0) + seconds
        self.inside.pop(zone, None)
        self.changed = True

    def cross(self, line: str, direction: Direction) -> None:
        self.lines.append((line, direction))
        self.changed = True

    def _stay(self, zone: str) -> float:
        since = self.inside.get(zone)
        return 0.0 if since is None else max(0.0, self.track.last_time - since)

    def _walk(self) -> None:
        x1, y1, x2, y2 = self.track.box
        point = (self.track.last_time - self.track.first_time, (x1 + x2) / 2, y2)
        if self.path:
            _, x, y = self.path[-1]
            if abs(point[1] - x) < _STEP * (x2 - x1) and abs(y2 - y) < _STEP * (y2 - y1):
                return
        self.path.append(point)
        if len(self.path) > LONGEST_PATH:  # coarser, rather than forgetting where it came from
            self.path[1:-1] = self.path[1:-1:2]
