"""The lives of a scene's tracks: from being seen to events, each told when it is due."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agent.perception.facts import Happening
from agent.perception.labels import breaks
from agent.perception.life import Life

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from agent.perception.facts import Direction, EndReason, Kind, Moment, View
    from agent.perception.settings import LabelRule
    from agent.perception.track import Track

UPDATE_SECONDS = 1.0
"""Between two updates of one track."""


class Lives:
    """Returned happenings are in the order they are to be told.

    views: whether better views are noticed. Wall clocks are only handed on.
    """

    def __init__(self, rules: Mapping[int, LabelRule], *, views: bool) -> None:
        self._rules = rules
        self._views = views
        self._lives: dict[int, Life] = {}
        self._size = (0, 0)

    def change(self, rules: Mapping[int, LabelRule], *, views: bool) -> None:
        """From now on these rules hold; who does not fit them is to be ended."""
        self._rules, self._views = rules, views

    def unfit(self, rules: Mapping[int, LabelRule]) -> list[Track]:
        """The confirmed ones that these rules would have no more."""
        return [life.track for life in self._lives.values() if life.confirmed and not self._fits(life, rules)]

    def _fits(self, life: Life, rules: Mapping[int, LabelRule]) -> bool:
        track = life.track
        rule, before = rules.get(track.class_id), self._rules.get(track.class_id)
        return rule is not None and not (before and breaks(rule, before, track.box, life.confidence))

    def unseen(self) -> None:
        """The pixels of all views are gone: the next view of each is the best there is."""
        for life in self._lives.values():
            life.best_score = 0.0

    @property
    def confirmed(self) -> list[Track]:
        return [life.track for life in self._lives.values() if life.confirmed]

    def nearly(self) -> Iterator[int]:
        """Ids of tracks that will be told soon, if further looks see them as the last one did."""
        return (life.track.id for life in self._lives.values() if life.nearly)

    def is_confirmed(self, track: Track) -> bool:
        life = self._lives.get(track.id)
        return life is not None and life.confirmed

    def seen(
        self, at: Moment, size: tuple[int, int], tracks: Iterable[tuple[Track, bool]]
    ) -> tuple[list[Happening], list[View]]:
        """What the look of `at` showed: each matched track, and whether its detection passed its label's rule.

        size: width and height of the picture.
        """
        self._size = size
        started: list[Happening] = []
        better: list[View] = []
        for track, passed in tracks:
            life = self._lives.get(track.id)
            if life is None:
                first_seen = at.captured_at - (track.last_time - track.first_time)
                life = self._lives[track.id] = Life(track, first_seen, at.captured_at)
            life.seen(at)
            rule = self._rules.get(track.class_id)
            life.nearly = not life.confirmed and passed and rule is not None
            if life.nearly and rule is not None and life.sure(rule.confidence):
                life.confirmed, life.nearly = True, False
                life.told_at = at.media_time
                started.append(self._happening("track.started", at.captured_at, life))
            if self._views and life.confirmed and (view := life.better_view()) is not None:
                better.append(view)
        return started, better

    def ended(
        self, wall: float, tracks: Iterable[Track], reason: EndReason | None = None, *, stale: bool = False
    ) -> list[Happening]:
        """reason: None for the track's own, left or lost. stale: nobody has been able to look lately."""
        told = []
        for track in tracks:
            life = self._lives.pop(track.id, None)
            if life is not None and life.confirmed:
                why = reason or life.end_reason()
                told.append(replace(self._happening("track.ended", wall, life, stale=stale), end_reason=why))
        return told

    def entered(self, wall: float, track: Track, zone: str, since: float) -> Happening:
        """since: media time from which its stay is counted."""
        life = self._lives[track.id]
        life.enter(zone, since)
        return replace(self._happening("zone.entered", wall, life), zone=zone)

    def left(self, wall: float, track: Track, zone: str, seconds: float, *, stale: bool = False) -> Happening:
        """seconds: how long this stay was. stale: as of `ended`."""
        life = self._lives[track.id]
        life.leave(zone, seconds)
        return replace(self._happening("zone.left", wall, life, stale=stale), zone=zone, seconds=seconds)

    def crossed(self, wall: float, track: Track, line: str, direction: Direction) -> Happening:
        life = self._lives[track.id]
        life.cross(line, direction)
        return replace(self._happening("line.crossed", wall, life), line=line, direction=direction)

    def updates(self, at: Moment) -> list[Happening]:
        """Of those that have changed since they were last told of, one a second at most."""
        due = []
        for life in self._lives.values():
            if life.confirmed and life.changed and at.media_time - life.told_at >= UPDATE_SECONDS:
                life.changed = False
                life.told_at = at.media_time
                due.append(self._happening("track.updated", at.captured_at, life))
        return due

    def grown_stale(self, wall: float) -> list[Happening]:
        """Each confirmed track once more, marked as stale; with the next look it has changed, for it is so no more."""
        alive = [life for life in self._lives.values() if life.confirmed]
        for life in alive:
            life.changed = True
        return [self._happening("track.updated", wall, life, stale=True) for life in alive]

    def _happening(self, kind: Kind, wall: float, life: Life, *, stale: bool = False) -> Happening:
        return Happening(kind, wall, life.view(stale=stale), self._size)
