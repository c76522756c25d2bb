"""Who is in a zone. By the foot point, and sure of it: a foot on the border neither comes nor goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.perception.geometry import foot, inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.perception.settings import Zone
    from agent.perception.track import Track

LOOKS = 2
"""In a row that must agree before a track has entered or left."""
LEAVING = 0.5
"""Seconds it must have been outside, too."""
_GROUND = 0.999
"""A box that is cut by the picture's lower edge stands at least here: polygons often end at 1."""


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """since: media time from which the stay counts, its first look inside.

    seconds: from there to the first look outside; a track that ends inside has stayed until it was last seen.
    """

    track: Track
    zone: str
    entered: bool
    since: float
    seconds: float


@dataclass(slots=True)
class _Visit:
    """looks: in a row that disagree with `member`; turned: media time of the first."""

    track: Track
    member: bool = False
    looks: int = 0
    turned: float = 0.0
    since: float = 0.0


class ZoneWatch:
    """Times are media time, seconds. Time in which nobody looked is time where it was."""

    def __init__(self, zone: Zone) -> None:
        self.id = zone.id
        self._visits: dict[int, _Visit] = {}
        self.change(zone)

    def change(self, zone: Zone) -> list[ZoneChange]:
        """The zone, of the same id, is another now.

        Whoever is inside stays so until looks show otherwise; those it no longer counts leave.
        """
        self._zone, self._unknown = zone, LOOKS
        xs, ys = [x for x, _ in zone.polygon], [y for _, y in zone.polygon]
        self._bounds = (min(xs), min(ys), max(xs), max(ys))
        wanted = zone.class_ids
        tracks = [visit.track for visit in self._visits.values()]
        unwanted = [track for track in tracks if wanted is not None and track.class_id not in wanted]
        return [change for track in unwanted for change in self.forget(track)]

    @property
    def zone(self) -> Zone:
        return self._zone

    @property
    def settled(self) -> bool:
        """Whether looks have shown who was in it when it was drawn."""
        return not self._unknown

    @property
    def entering(self) -> bool:
        return any(0 < visit.looks < LOOKS and not visit.member for visit in self._visits.values())

    @property
    def members(self) -> list[Track]:
        return [visit.track for visit in self._visits.values() if visit.member]

    def due(self) -> list[float]:
        """From when on a look may show that somebody has entered, one time for each who is on the way in."""
        dwell = self._zone.dwell
        return [visit.turned + dwell for visit in self._visits.values() if not visit.member]

    def update(self, time: float, tracks: Sequence[Track]) -> list[ZoneChange]:
        """tracks: those that this look has seen."""
        changes = []
        wanted = self._zone.class_ids
        for track in tracks:
            if wanted is not None and track.class_id not in wanted:
                continue
            visit = self._visits.get(track.id)
            there = self._holds(track)
            if there and (visit is None or not visit.member) and not self._fits(track):
                continue  # too weak to come in by, and no sign of going
            if visit is None:
                if not there:
                    continue
                visit = self._visits[track.id] = _Visit(track)
            change = self._look(visit, there, time)
            if change is not None:
                changes.append(change)
            elif not visit.member and not there:
                del self._visits[track.id]
        if self._unknown:  # somebody's first look inside is not the last word
            begun = any(visit.looks and not visit.member for visit in self._visits.values())
            self._unknown = self._unknown - 1 if begun else 0
        return changes

    def forget(self, track: Track) -> list[ZoneChange]:
        """The track has ended; whoever was inside has left."""
        visit = self._visits.pop(track.id, None)
        if visit is None or not visit.member:
            return []
        until = visit.turned if visit.looks else track.last_time
        return [ZoneChange(track, self.id, False, visit.since, max(0.0, until - visit.since))]

    def _fits(self, track: Track) -> bool:
        return track.confidence >= self._zone.confidence and track.box[3] - track.box[1] >= self._zone.min_height

    def _holds(self, track: Track) -> bool:
        x, y = foot(track.box)
        x1, y1, x2, y2 = self._bounds
        y = min(y, _GROUND) if y2 >= _GROUND else y
        return x1 <= x <= x2 and y1 <= y <= y2 and inside(self._zone.polygon, (x, y))

    def _look(self, visit: _Visit, there: bool, time: float) -> ZoneChange | None:
        if there == visit.member:
            visit.looks = 0
            return None
        visit.looks += 1
        if visit.looks == 1:
            visit.turned = time
        patience = LEAVING if visit.member else self._zone.dwell
        if visit.looks < LOOKS or time < visit.turned + patience:  # the very sum of `due`, to the last bit
            return None
        visit.looks, visit.member = 0, there
        if there:
            visit.since = visit.turned
            return ZoneChange(visit.track, self.id, True, visit.since, 0.0)
        return ZoneChange(visit.track, self.id, False, visit.since, max(0.0, visit.turned - visit.since))
