"""Whether a frame is worth an inference: what moves, what is known of it already, and how long ago somebody looked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.perception.geometry import area, shared, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from agent.perception.facts import Box
    from agent.perception.track import Track

RECHECK = 10.0
"""Seconds after which a scene is looked at although nothing moves. What came in unnoticed, behind noise or under a
mask, is found after five seconds on average, at 0.4 % of the inferences of 25 frames a second."""
ALIVE = 1.0
"""The same, while somebody who moves is tracked."""
SHIFT = 0.35
"""Share of its own width or height by which a track may be predicted to have moved unseen."""
YOUNG = 3
"""Hits from which on a track's prediction is relied upon; as many as it needs to be confirmed (`life.CONFIRM_HITS`)."""
STILL = 2.0
"""Seconds without moving, as looks have seen it, after which a track is looked at for what happens around it only."""
WATCHED = 0.15
"""Seconds between two looks at a track of which each one tells: in so long somebody who walks goes a quarter of a
metre, less than is needed to vanish through a door. Each frame of 10 a second would be twice the looks for no more."""
STIRRED = 0.25
"""Seconds between two looks at a stationary track that has motion on it."""
SEARCH, SEARCHING = 0.2, 0.5
"""Seconds since a track was last seen for which every frame is searched once it was missed; seconds between two looks
after that, and from the start where the look before was longer ago. To search as long then costs two looks of a hundred
more and keeps no more of the clips."""
SURE = 0.75
"""Share of the last looks that saw a track, from which on a miss is news. One the model hardly sees is often missed."""
RECENT = 0.8
"""What the share of the looks before weighs when the next one comes."""
PAUSES = ((1, 0.0), (6, 0.2), (15, 0.5), (30, 1.0))
"""Looks in a row at something that moves and is no track, and seconds between two of them until then: what the model
does not know now it may know when it has come nearer. After the last: `PAUSE`."""
PAUSE = 2.0
GROWN = 3.0
"""Times its area from which on it is something new: it comes closer, or somebody walks in front of it."""
FORGOTTEN = 2.0
"""Seconds after which something that has stopped moving is forgotten."""
UNSETTLED, LONG = 0.25, 0.75
"""Seconds between two looks while the picture as a whole changes; seconds of that after which every frame is looked
at, as every one is from the start where somebody is tracked: a flash is over by then, a camera that moves is not."""
ROOM = 0.25
"""Share of a track's width and height around it in which motion is its own: limbs, shadow, the grain of motion."""
GRAIN = 0.02
"""What that is at least, in 0..1 of the picture."""
COVERED = 0.7
"""Share of a motion box that tracks must cover to explain it."""


@dataclass(slots=True)
class _Mover:
    """Something that moves and is no track. looks: at it so far. area: when it was first seen."""

    box: Box
    area: float
    looks: int
    moved: float


class Gate:
    """One scene's. A frame that is wanted must be followed by `looked`, or by `unanswered` where nobody could say."""

    def __init__(self) -> None:
        self._looked: float | None = None
        self._asked = float("-inf")
        self._at_look: dict[int, Box] = {}
        self._sure: dict[int, float] = {}
        self._tentative = False
        self._owed = False
        self._movers: list[_Mover] = []
        self._unsettled: float | None = None
        self._settled_unseen = False

    def wants(
        self,
        at: float,
        motion: Sequence[Box] | None,
        tracks: Sequence[Track],
        predicted: NDArray[np.float32],
        due: Iterable[float] = (),
        watched: Iterable[int] = (),
        *,
        unsettled: bool = False,
    ) -> bool:
        """Whether to look at the frame of media time `at`, seconds.

        motion: boxes of what has moved since the last frame this was asked of; None where nobody watches for it, and
        then every frame is wanted. unsettled: `motion` tells nothing, since the whole picture changes.
        tracks, predicted: the live ones, and float32 (n, 4) where each is believed to be at `at`.
        due: media times from which on a look is waited for, past ones too.
        watched: ids of tracks of which each look tells something, for as long as looks see them. Read last, if at all.
        """
        if motion is None or self._looked is None:
            return True
        boxes = predicted.tolist()
        wanted = self._is_wanted(at, motion, tracks, boxes, unsettled=unsettled) or self._is_due(at, due)
        wanted = wanted or self._is_watched(at, tracks, watched)
        if wanted:
            self._ask(at, tracks, boxes)
        return wanted

    def unanswered(self) -> None:
        """The look that was wanted has shown nothing, not even that nobody is there: it is still owed."""
        self._asked = float("-inf")
        self._owed = True

    def _ask(self, at: float, tracks: Sequence[Track], boxes: Sequence[Box]) -> None:
        """A look is on its way: until its answer is here, the next one is not due for the same reasons again."""
        self._asked, self._owed = at, False
        self._at_look.update((track.id, box) for track, box in zip(tracks, boxes, strict=True))
        for mover in self._movers:
            if mover.moved == at:
                mover.looks += 1

    def _is_wanted(
        self, at: float, motion: Sequence[Box], tracks: Sequence[Track], boxes: Sequence[Box], *, unsettled: bool
    ) -> bool:
        assert self._looked is not None
        since = at - max(self._looked, self._asked)
        whole = self._whole_picture(at, since, unsettled=unsettled)
        reach = self._reach(tracks, boxes) if motion else []
        unexplained = [box for box in motion if not _explained(box, reach)]
        self._follow(at, unexplained)
        if whole or self._owed or self._tentative or (unsettled and tracks) or since >= RECHECK or since < 0:
            return True
        if any(since >= _pause(mover) for mover in self._movers if mover.moved == at):
            return True
        return any(self._wants_track(since, *known, motion) for known in zip(tracks, boxes, strict=True))

    def _is_due(self, at: float, due: Iterable[float]) -> bool:
        """Whether nobody has looked since one of the times. A look that has not settled it comes again each `ALIVE`."""
        assert self._looked is not None
        last = max(self._looked, self._asked)
        return any(time <= at and (time > last or at - last >= ALIVE) for time in due)

    def _is_watched(self, at: float, tracks: Sequence[Track], watched: Iterable[int]) -> bool:
        """Whether the last look has seen one of these, and is over."""
        assert self._looked is not None
        if at - max(self._looked, self._asked) < WATCHED:
            return False
        seen = {track.id for track in tracks if track.last_time >= self._looked}
        return bool(seen) and any(number in seen for number in watched)

    def looked(self, at: float, tracks: Sequence[Track], *, tentative: bool) -> None:
        """What the look at the frame of `at` has left. tentative: something was seen that has no id yet."""
        self._sure = {
            track.id: RECENT * self._sure.get(track.id, 1.0) + (1 - RECENT) * (track.last_time >= at)
            for track in tracks
        }
        later = self._at_look if self._asked > at else {}
        self._looked = at
        self._at_look = {track.id: later.get(track.id, track.box) for track in tracks}
        self._tentative, self._owed = tentative, False
        self._settled_unseen = False

    def _whole_picture(self, at: float, since: float, *, unsettled: bool) -> bool:
        """Whether to look because the whole picture changes, or has changed since the last look."""
        if not unsettled:
            self._unsettled = None
            return self._settled_unseen
        self._unsettled = at if self._unsettled is None else self._unsettled
        self._settled_unseen = True
        return since >= UNSETTLED or at - self._unsettled >= LONG

    def _wants_track(self, since: float, track: Track, box: Box, motion: Sequence[Box]) -> bool:
        assert self._looked is not None
        missed = self._looked - track.last_time
        if missed > 0:
            sure = self._sure.get(track.id, 1.0) >= SURE
            return since >= SEARCHING or (sure and missed < SEARCH)
        if track.hits < YOUNG:
            return True
        if track.still_since is not None and track.last_time - track.still_since >= STILL:
            return since >= STIRRED and any(shared(_widened(track.box), moved) > 0 for moved in motion)
        return since >= ALIVE or _shift(self._at_look.get(track.id, track.box), box) >= SHIFT

    def _reach(self, tracks: Sequence[Track], predicted: Iterable[Box]) -> list[Box]:
        """Where each track's own motion may be: from where it was at the last look to where it should be now."""
        return [
            _widened(union(self._at_look.get(track.id, track.box), box))
            for track, box in zip(tracks, predicted, strict=True)
        ]

    def _follow(self, at: float, boxes: Sequence[Box]) -> None:
        """Which of the boxes are what was there before, so that the looks at it add up."""
        movers = [mover for mover in self._movers if at - mover.moved < FORGOTTEN]
        for box in boxes:
            size = area(box)
            known = max(movers, key=lambda mover: shared(mover.box, box), default=None)
            if known is None or shared(known.box, box) <= 0:
                movers.append(_Mover(box, size, 0, at))
                continue
            known.box, known.moved = box, at
            if size > GROWN * known.area:
                known.area, known.looks = size, 0
        self._movers = movers


def _pause(mover: _Mover) -> float:
    return next((pause for looks, pause in PAUSES if mover.looks < looks), PAUSE)


def _explained(box: Box, reach: Sequence[Box]) -> bool:
    return sum(shared(box, own) for own in reach) >= COVERED * area(box)


def _shift(before: Box, now: Box) -> float:
    """By how much of its own size a box has moved or grown: the edge that has moved furthest."""
    width, height = max(before[2] - before[0], 1e-6), max(before[3] - before[1], 1e-6)
    across = max(abs(now[0] - before[0]), abs(now[2] - before[2])) / width
    return max(across, max(abs(now[1] - before[1]), abs(now[3] - before[3])) / height)


def _widened(box: Box) -> Box:
    x = max(GRAIN, ROOM * (box[2] - box[0]))
    y = max(GRAIN, ROOM * (box[3] - box[1]))
    return (box[0] - x, box[1] - y, box[2] + x, box[3] + y)
