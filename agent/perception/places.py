"""A scene's zones and lines: who enters, leaves and crosses, and what becomes of that when they are drawn anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.perception.lines import LineWatch
from agent.perception.zones import ZoneWatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from agent.perception.facts import Box, Happening, LineCount, Moment
    from agent.perception.lives import Lives
    from agent.perception.settings import Settings, Zone
    from agent.perception.track import Track
    from agent.perception.zones import ZoneChange

    Totals = Mapping[str, Mapping[int | None, tuple[int, int, float]]]


class Places:
    """lives: those of the same scene, which tell what happens here. totals: what the lines have counted so far."""

    def __init__(self, settings: Settings, totals: Totals, lives: Lives) -> None:
        self._lives = lives
        self._zones = [ZoneWatch(zone) for zone in settings.zones]
        self._lines = [LineWatch(line, totals.get(line.id), settings.told) for line in settings.lines]

    def due(self) -> Iterator[float]:
        """Media times from which on a look may show that somebody has entered."""
        return (time for zone in self._zones for time in zone.due())

    def nearing(self, tracks: Sequence[Track], predicted: Sequence[Box]) -> Iterator[int]:
        """Ids of those on their way across a line. predicted: where each track is believed to be."""
        return (number for line in self._lines for number in line.nearing(tracks, predicted))

    @property
    def unknown(self) -> list[str]:
        """Zones that were drawn so lately that nobody knows yet who is in them."""
        return [zone.id for zone in self._zones if not zone.settled]

    @property
    def entering(self) -> bool:
        """Whether one more look may show that somebody is in a zone who has been there since looks see him."""
        return any(zone.entering for zone in self._zones)

    def present(self) -> dict[str, list[int]]:
        """By zone, the class ids of those in it; without those that are `unknown`."""
        return {zone.id: [track.class_id for track in zone.members] for zone in self._zones if zone.settled}

    def seen(self, at: Moment, tracks: Sequence[Track]) -> tuple[list[Happening], list[LineCount]]:
        """tracks: those that the look of `at` has seen."""
        told: list[Happening] = []
        counts: list[LineCount] = []
        tentative = [track for track in tracks if not self._lives.is_confirmed(track)]
        tracks = [track for track in tracks if self._lives.is_confirmed(track)]
        for zone in self._zones:
            for change in zone.update(at.media_time, tracks):
                if change.entered:
                    told.append(self._lives.entered(at.captured_at, change.track, change.zone, change.since))
                else:
                    told.append(self._lives.left(at.captured_at, change.track, change.zone, change.seconds))
        for line in self._lines:
            crossings = line.update(at.captured_at, tracks, tentative)
            told += [self._lives.crossed(at.captured_at, c.track, c.line, c.direction) for c in crossings]
            counts += line.facts(at.captured_at)
        return told, counts

    def totals(self, wall: float) -> list[LineCount]:
        """What lines have counted before, once."""
        return [total for line in self._lines for total in line.known(wall)]

    def vanished(self, wall: float, tracks: Sequence[Track]) -> list[Happening]:
        """tracks: they were looked for and not found."""
        crossings = [c for line in self._lines for c in line.vanished(wall, tracks)]
        return [self._lives.crossed(wall, c.track, c.line, c.direction) for c in crossings]

    def forget(self, wall: float, track: Track, *, stale: bool) -> list[Happening]:
        """The track has ended: it leaves the zones it is in. stale: no look has shown that."""
        for line in self._lines:
            line.forget(track)
        return self._left(wall, (change for zone in self._zones for change in zone.forget(track)), stale=stale)

    def change(self, wall: float, settings: Settings, totals: Totals, *, stale: bool) -> list[Happening]:
        """From now on these zones and lines hold. totals: of lines that were counted before, known here or not."""
        told = self._left(wall, self._rezoned(settings.zones), stale=stale)
        self._redraw(settings, totals)
        return told

    def _left(self, wall: float, changes: Iterable[ZoneChange], *, stale: bool) -> list[Happening]:
        return [self._lives.left(wall, c.track, c.zone, c.seconds, stale=stale) for c in changes]

    def _redraw(self, settings: Settings, totals: Totals) -> None:
        """A line that is another now counts on, but who is on the way across it begins anew."""
        before = {watch.id: watch for watch in self._lines}
        self._lines = []
        for line in settings.lines:
            watch = before.get(line.id)
            if watch is None:
                watch = LineWatch(line, totals.get(line.id), settings.told)
            elif watch.line != line:
                watch = LineWatch(line, watch.totals, settings.told)
            else:
                watch.tell(settings.told)
            self._lines.append(watch)

    def _rezoned(self, zones: Sequence[Zone]) -> list[ZoneChange]:
        """Who is in a zone that is gone, or that no longer counts it, has left."""
        before = {watch.id: watch for watch in self._zones}
        self._zones = []
        changes: list[ZoneChange] = []
        for zone in zones:
            watch = before.pop(zone.id, None)
            if watch is None:
                watch = ZoneWatch(zone)
            elif watch.zone != zone:
                changes += watch.change(zone)
            self._zones.append(watch)
        return changes + [c for watch in before.values() for track in watch.members for c in watch.forget(track)]
