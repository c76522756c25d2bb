"""One camera's scene: what is made of what the engine saw. A pure state machine: no I/O, no threads, no clock.

    motion ─► wants (gate, regions) ─► dispatch infers ─► update: tracker ─► lives ─► zones, lines ─► counts ─► Facts

Everything is called on the camera's dispatch thread, in capture order.
"""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING

from agent.perception.counts import VACANT, Counts
from agent.perception.facts import WHOLE, Facts
from agent.perception.gate import Gate
from agent.perception.labels import LabelFilter
from agent.perception.life import CONFIRM_HITS
from agent.perception.lives import Lives
from agent.perception.places import Places
from agent.perception.regions import choose
from agent.perception.staleness import Staleness
from agent.perception.tracker import STRONG, Tracker
from backends.detections import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from agent.perception.facts import Box, Count, EndReason, Happening, LineCount, Moment, Occupancy
    from agent.perception.places import Totals
    from agent.perception.settings import Settings, Zone
    from agent.perception.track import Track
    from backends.detections import Detections

    Told = list[Count | Occupancy | LineCount]

WHOLE_SECONDS = 2.0
"""Between two looks at the whole picture where crops are looked at: what came without moving is found by it."""


class Scene:
    """ids: numbers for tracks, each once in the device's life. totals: what the lines have counted so far."""

    def __init__(self, settings: Settings, ids: Iterator[int] | None = None, totals: Totals | None = None) -> None:
        self._wanted = LabelFilter(settings.rules)
        self._tracker = Tracker(ids or count(1))
        self._tracker.least = _least(settings)
        self._gate = Gate() if settings.gate else None
        self._regions = settings.regions
        self._lives = Lives(settings.rules, views=settings.snapshots)
        self._places = Places(settings, totals or {}, self._lives)
        self._counts = Counts(_taken(settings.zones), settings.told)
        self._staleness = Staleness()
        self._crops: dict[float, tuple[Box, ...]] = {}
        self._whole_at: float | None = None
        self._quiet: Moment | None = None
        self._began: float | None = None
        self._counted = self._glimpsed = False

    def wants(
        self,
        at: Moment,
        motion: Sequence[Box] | None,
        picture: tuple[int, int],
        model_input: tuple[int, int],
        *,
        unsettled: bool = False,
    ) -> tuple[Box, ...]:
        """Where to look in the frame that is at hand: the whole, or crops of it. Nothing: the frame is gated.

        motion: boxes of what has moved since the last frame that was taken, None where nobody watches for motion;
        unsettled: the whole picture changes, so that it tells nothing. picture, model_input: width and height in
        pixels, of the rotated picture and of the engine's input.
        A frame that is wanted must be followed by `update`, one that is not has been dealt with.
        """
        self._staleness.arrived(at.monotonic)
        if self._gate is None and not self._regions:
            return (WHOLE,)
        tracks, predicted = self._tracker.tracks, self._tracker.predicted(at.media_time)
        # What nobody has seen for a while may have changed behind a closed eye: then a quiet picture proves nothing.
        gate = None if self._staleness.stale else self._gate
        if gate is not None and not gate.wants(
            at.media_time,
            motion,
            tracks,
            predicted,
            due=self._places.due(),
            watched=chain(self._lives.nearly(), self._places.nearing(tracks, predicted.tolist())),
            unsettled=unsettled,
        ):
            self._staleness.known(at.monotonic)
            self._quiet = at
            return ()
        self._quiet = None
        if not self._regions or motion is None or unsettled:
            return (WHOLE,)
        return self._look(at, motion, [(x1, y1, x2, y2) for x1, y1, x2, y2 in predicted.tolist()], picture, model_input)

    @property
    def waits_for_motion(self) -> bool:
        """Whether nobody is there and nothing is due but the re-check: then frames without motion are no news."""
        known = self._staleness.known_at is not None and not self._staleness.stale
        return self._gate is not None and known and not self._tracker.tracks and not self._tracker.tentative

    def _look(
        self,
        at: Moment,
        motion: Sequence[Box],
        tracks: Sequence[Box],
        picture: tuple[int, int],
        model_input: tuple[int, int],
    ) -> tuple[Box, ...]:
        due = self._whole_at is None or not 0 <= at.media_time - self._whole_at < WHOLE_SECONDS
        crops = choose(motion, tracks, picture, model_input, whole_due=due)
        if WHOLE in crops:
            self._whole_at = at.media_time
        self._crops[at.media_time] = crops
        return crops

    def update(self, at: Moment, size: tuple[int, int], seen: Detections | Unknown) -> Facts:
        """What the frame of `at` brings. size: width and height of the picture. Unknown stays Unknown."""
        looked = self._crops.pop(at.media_time, (WHOLE,))
        if isinstance(seen, Unknown):
            self._whole_at = None  # the motion that asked for this look is not shown again
            if self._gate is not None:
                self._gate.unanswered()
            return Facts(seen)
        self._staleness.known(at.monotonic)
        passed = self._wanted(seen)
        found = self._tracker.update(at.media_time, seen, looked)
        if self._gate is not None:
            self._gate.looked(at.media_time, self._tracker.tracks, tentative=self._tracker.tentative)
        flags = passed.tolist()
        told, views = self._lives.seen(
            at, size, ((track, flag) for track, flag in zip(found.tracks, flags, strict=True) if track is not None)
        )
        matched = [track for track in found.tracks if track is not None]
        # The twin of another was seen in this very look: it has not vanished.
        told += self._places.vanished(
            at.captured_at, [track for track in found.ended if track.last_time < at.media_time]
        )
        told += self._gone(at.captured_at, found.ended, stale=False)
        moved, crossed = self._places.seen(at, matched)
        told += moved
        if self._places.unknown:
            self._owe()
        counts: Told = [*crossed]
        told += self._lives.updates(at)
        if self._expects(at.media_time):
            self._owe()
        else:
            counts += self._count(at)
        ids = tuple(
            None if track is None else track.id for track, flag in zip(found.tracks, flags, strict=True) if flag
        )
        return Facts(seen[passed], ids, tuple(told), tuple(counts), tuple(views))

    def _expects(self, time: float) -> bool:
        """Whether the first looks have seen somebody whom the next may count, here or in a zone: nobody knows how many.

        One look that misses him does not show that nobody is there. First are also those after all that were followed
        have been given up.
        """
        if self._counted:
            return False
        self._began = time if self._began is None else self._began
        young = self._tracker.tentative or any(track.hits < CONFIRM_HITS for track in self._tracker.tracks)
        glimpsed, self._glimpsed = self._glimpsed, young
        self._counted = time - self._began >= VACANT or not (
            young or (glimpsed and not self._lives.confirmed) or self._places.entering
        )
        return not self._counted

    def _give_up(self, wall: float, reason: EndReason) -> list[Happening]:
        """Nobody is followed any more."""
        self._began, self._counted, self._glimpsed = None, False, False
        return self._gone(wall, self._tracker.clear(), reason, stale=self._staleness.stale)

    def _gone(
        self, wall: float, tracks: Iterable[Track], reason: EndReason | None = None, *, stale: bool
    ) -> list[Happening]:
        """They leave the zones they are in, then end. stale: no look has shown it."""
        tracks = list(tracks)
        told = [left for track in tracks for left in self._places.forget(wall, track, stale=stale)]
        return told + self._lives.ended(wall, tracks, reason, stale=stale)

    def _count(self, at: Moment) -> Told:
        present = {"": [track.class_id for track in self._lives.confirmed], **self._places.present()}
        return [*self._counts.update(at, present, self._places.unknown)]

    def idle(self, now: float, wall: float, waiting: float | None = None, interval: float = 0.0) -> Facts | None:
        """To be called at least once a second, frames or not. now: time.monotonic(). None: nothing has changed.

        waiting: when the frame was taken that waits for an engine, where one does: then the camera is not what fails.
        interval: seconds between two looks, where a rate cap holds them apart: then silence is not blindness.
        """
        if waiting is not None:
            self._staleness.arrived(waiting)
        if totals := self._places.totals(wall):
            return Facts(Unknown("not looked yet"), counts=tuple(totals))
        if not self._staleness.stale and self._staleness.lasts(now, interval):
            self._staleness.stale = True
            told = self._lives.grown_stale(wall)
            return Facts(Unknown("stale"), (), tuple(told), tuple(self._counts.doubt(wall)))
        if self._staleness.over(now) and (self._tracker.tracks or self._tracker.tentative):
            # Also tracks not told yet: else somebody else, hours later, would be said to have been here since then.
            told = self._give_up(wall, "camera_offline_timeout")
            return self._unless_empty(Facts(Unknown("camera offline"), (), tuple(told)))
        quiet, self._quiet = self._quiet, None
        if quiet is not None and self._counted and not self._staleness.stale:  # where nothing moves, it gets empty
            return self._unless_empty(Facts(Unknown("gated"), counts=tuple(self._count(quiet))))
        return None

    def change(self, wall: float, settings: Settings, totals: Totals | None = None) -> Facts | None:
        """From now on these settings hold, for the same labels; tracks, stays and totals go on.

        Who is confirmed stays so, unless its label is no longer wanted, or its rule has become stricter and it does not
        fit: it ends, and may be told of anew. totals: of lines that were counted before, known here or not.
        """
        self._wanted = LabelFilter(settings.rules)
        self._tracker.least = _least(settings)
        self._gate = (self._gate or Gate()) if settings.gate else None
        self._regions = settings.regions
        unwanted = self._lives.unfit(settings.rules)
        self._tracker.forget(unwanted)  # a life that was told to have ended must not begin again
        told = self._gone(wall, unwanted, "stopped", stale=self._staleness.stale)
        told += self._places.change(wall, settings, totals or {}, stale=self._staleness.stale)
        self._lives.change(settings.rules, views=settings.snapshots)
        self._counts.change(_taken(settings.zones), settings.told, settings.rules)
        self._owe()  # nobody need move to be seen by what is new
        return self._unless_empty(Facts(Unknown("changed"), (), tuple(told)))

    def without_pictures(self) -> None:
        """Who keeps the pixels of views has none any more: whoever is in view is worth another picture, soon."""
        self._lives.unseen()
        self._owe()

    def _owe(self) -> None:
        """A look is due now, whether or not anything moves."""
        if self._gate is not None:
            self._gate.unanswered()

    def stop(self, wall: float) -> Facts | None:
        """Ends what is still alive, for nobody will look any more; from now on all counts are stale."""
        told = self._give_up(wall, "stopped")
        counts = [] if self._staleness.stale else self._counts.doubt(wall)
        self._staleness.stale = True
        return self._unless_empty(Facts(Unknown("stopped"), (), tuple(told), tuple(counts)))

    @staticmethod
    def _unless_empty(facts: Facts) -> Facts | None:
        return facts if facts.happenings or facts.counts else None


def _least(settings: Settings) -> dict[int, float]:
    """By class id: the confidences below that from which on a track usually begins."""
    return {c: rule.confidence for c, rule in settings.rules.items() if rule.confidence < STRONG}


def _taken(zones: Iterable[Zone]) -> dict[str, frozenset[int] | None]:
    return {zone.id: zone.class_ids for zone in zones}
