"""How many are there, and whether anybody is: by zone and label, told when it changes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.perception.facts import Count, Occupancy

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from agent.perception.facts import Moment

VACANT = 2.0
"""Seconds of media time in which nobody must have been seen before a place is vacant. It is occupied at once."""


@dataclass(slots=True)
class _Place:
    """One zone and label. empty_since: media time; None while somebody is there. stale: it was told so last."""

    count: int
    occupied: bool
    since: float
    empty_since: float | None = None
    stale: bool = False


class Counts:
    """zones: by id the class ids each of them takes, None for all; the whole picture, "", is always counted.

    told: class ids that are told from the first look on, beside the sum of all; others once they have been seen.
    Before the first look nothing is told: nobody knows. Nor of a label that a zone does not take.
    """

    def __init__(self, zones: Mapping[str, Collection[int] | None], told: Iterable[int] = ()) -> None:
        self._zones: Mapping[str, Collection[int] | None] = {"": None, **zones}
        self._told: tuple[int | None, ...] = (None, *sorted(told))
        self._places: dict[tuple[str, int | None], _Place] = {}
        self._last: Mapping[str, Sequence[int]] | None = None
        self._vacating = 0

    def change(self, zones: Mapping[str, Collection[int] | None], told: Iterable[int], known: Collection[int]) -> None:
        """Other zones and labels: what is kept of them goes on. known: class ids that may be counted at all."""
        self._zones = {"": None, **zones}
        self._told = (None, *sorted(told))
        for zone, class_id in list(self._places):
            unknown = class_id is not None and class_id not in known
            if unknown or zone not in self._zones or not self._takes(zone, class_id):
                self._vacating -= self._places.pop((zone, class_id)).empty_since is not None
        self._last = None

    def update(
        self, at: Moment, present: Mapping[str, Sequence[int]], unknown: Collection[str] = ()
    ) -> list[Count | Occupancy]:
        """What has changed.

        present: by zone, the class ids of the confirmed tracks in it, one for each track. unknown: zones that are not
        in it since nobody knows yet; nothing is said of them.
        """
        if present == self._last and not self._vacating:
            return []
        self._last = {zone: list(classes) for zone, classes in present.items()}
        changed: list[Count | Occupancy] = []
        for zone in self._zones:
            if zone in unknown:
                continue
            classes = present.get(zone, ())
            numbers: Counter[int | None] = Counter(classes)
            numbers[None] = len(classes)
            known = [class_id for place, class_id in self._places if place == zone]
            for class_id in dict.fromkeys([*self._told, *known, *numbers]):
                if self._takes(zone, class_id):
                    changed += self._place(at, zone, class_id, numbers[class_id])
        return changed

    def _takes(self, zone: str, class_id: int | None) -> bool:
        only = self._zones[zone]
        return class_id is None or only is None or class_id in only

    def doubt(self, wall: float) -> list[Count | Occupancy]:
        """All that has been told, once more, with its last value, as stale; what is known again is told by `update`.

        A place that was empty when looking became impossible may not have stayed so: only later looks make it vacant.
        """
        self._last, self._vacating = None, 0
        told: list[Count | Occupancy] = []
        for (zone, class_id), place in self._places.items():
            place.empty_since, place.stale = None, True
            told.append(Count(zone, class_id, place.count, True, wall))
            told.append(Occupancy(zone, class_id, place.occupied, True, place.since))
        return told

    def _place(self, at: Moment, zone: str, class_id: int | None, count: int) -> list[Count | Occupancy]:
        wall = at.captured_at
        place = self._places.get((zone, class_id))
        if place is None:
            place = self._places[zone, class_id] = _Place(count, count > 0, wall)
            return [Count(zone, class_id, count, False, wall), Occupancy(zone, class_id, count > 0, False, wall)]
        changed: list[Count | Occupancy] = []
        if count != place.count or place.stale:
            place.count = count
            changed.append(Count(zone, class_id, count, False, wall))
        turned = self._turned(place, at.media_time)
        if turned:
            place.occupied, place.since = not place.occupied, wall
        if turned or place.stale:
            place.stale = False
            changed.append(Occupancy(zone, class_id, place.occupied, False, place.since))
        return changed

    def _turned(self, place: _Place, time: float) -> bool:
        """Whether occupied has become vacant or the other way."""
        if place.count or not place.occupied:
            self._vacating -= place.empty_since is not None
            place.empty_since = None
            return bool(place.count) and not place.occupied
        if place.empty_since is None:
            place.empty_since = time
            self._vacating += 1
        if time - place.empty_since < VACANT:
            return False
        self._vacating -= 1
        place.empty_since = None
        return True
