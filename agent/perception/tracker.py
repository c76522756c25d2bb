"""From detections to tracks: ByteTrack's two-stage association, in real seconds instead of frames.

Yifu Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box" (2022): strong detections are
matched first, then weak ones rescue tracks that nothing strong fits; only strong ones begin a track.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agent.perception.association import overlap, pairs, widened
from agent.perception.facts import WHOLE
from agent.perception.kalman import Boxes, cornered
from agent.perception.rest import Rest
from agent.perception.track import Track

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from agent.perception.facts import Box
    from backends.detections import Detections

STRONG, WEAK = 0.3, 0.1
"""Confidence from which on a detection may begin a track, and from which on it may continue one."""
CLOSE, CLOSER = 0.2, 0.5
"""IoU with the prediction that a strong and a weak detection need."""
ROOM, MOST_ROOM = 3.0, 0.6
"""By what share of their size boxes are widened for that, in a second and at most: the longer nobody looked, the less a
prediction is worth. It grows as the spread of the filter's own noise does, with the 3/2 power of the time."""
LOST_LOOKS, LOST_SECONDS = 3, 1.5
"""A track is lost once it was missed in so many looks in a row, and in so many seconds of looking."""
LOOK = 0.5
"""Seconds that one look counts at most: the time in which nobody looked proves nothing."""
TWIN = 0.85
"""IoU of two tracks from which on they are one object."""
YOUNG = 5
"""Hits up to which a track is watched for being the twin of another."""
MOST = 300


@dataclass(frozen=True, slots=True)
class Update:
    """tracks: of each detection, None where it belongs to none with an id. ended: those lost with this look."""

    tracks: list[Track | None]
    ended: list[Track]


@dataclass(slots=True, eq=False)
class _Candidate:
    """A row of the filter. began: when it was first seen. track: None until its second hit.

    missed: looks in a row that have not seen it; missing: the seconds of them.
    """

    class_id: int
    began: float
    rest: Rest
    missed: int = 0
    missing: float = 0.0
    track: Track | None = None


class Tracker:
    """ids: numbers for tracks, each once in the device's life. Times are media time, seconds."""

    def __init__(self, ids: Iterator[int]) -> None:
        self._ids = ids
        self._boxes = Boxes()
        self._rows: list[_Candidate] = []
        self._time: float | None = None
        self.least: Mapping[int, float] = {}
        """By class id, the confidence from which on it may begin a track, where that is less than `STRONG`."""
        self.tracks: list[Track] = []
        """Those alive that have an id, also those missed in the last looks, in the order of `predicted`."""

    @property
    def tentative(self) -> bool:
        """Whether the last look has seen something that has no id yet."""
        return any(row.track is None and not row.missed for row in self._rows)

    def predicted(self, time: float) -> NDArray[np.float32]:
        """(n, 4): where each of `tracks` is believed to be."""
        if not self.tracks:
            return np.empty((0, 4), np.float32)
        ahead = self._boxes.ahead(max(0.0, time - (self._time or 0.0)))
        return ahead[[row.track is not None for row in self._rows]].astype(np.float32)

    def clear(self) -> list[Track]:
        """Forgets all; returns those that were alive."""
        ended, self.tracks = self.tracks, []
        self._rows, self._boxes = [], Boxes()
        return ended

    def forget(self, tracks: Collection[Track]) -> None:
        """These are followed no more; what is seen in their places is somebody new."""
        self._keep([row.track not in tracks for row in self._rows])

    def update(self, time: float, seen: Detections, looked: Sequence[Box] = (WHOLE,)) -> Update:
        """One look. seen: all that was found, from the floor of confidence on, boxes in 0..1 of the whole picture.

        looked: the crops that were looked at: a track that is believed to be elsewhere in the picture is not missed.
        """
        elapsed = 0.0 if self._time is None else max(0.0, time - self._time)
        self._time = time if self._time is None else max(self._time, time)
        self._boxes.advance(elapsed)
        # fmax and fmin take the number where the other is none.
        xyxy = np.fmin(np.fmax(seen.xyxy.astype(np.float64), -1.0), 2.0)
        sound = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
        begins = self._begins(seen.class_id) if self.least else STRONG
        strong = sound & (seen.confidence >= begins)
        weak = sound & ~strong & (seen.confidence >= WEAK)
        matches = self._associate(elapsed, xyxy, seen.class_id, strong, weak)
        self._miss(min(elapsed, LOOK), {row for row, _ in matches}, looked)
        self._hit(matches, xyxy, seen.confidence, self._time)
        strong[[detection for _, detection in matches]] = False
        self._begin(np.flatnonzero(strong), xyxy, seen.class_id)
        owner = {detection: self._rows[row] for row, detection in matches}
        ended = self._drop()
        found = [owner[i].track if i in owner else None for i in range(len(xyxy))]
        return Update([track if track not in ended else None for track in found], ended)

    def _begins(self, class_id: NDArray[np.int32]) -> NDArray[np.float32]:
        return np.array([self.least.get(c, STRONG) for c in class_id.tolist()], np.float32)

    def _associate(
        self,
        elapsed: float,
        xyxy: NDArray[np.float64],
        class_id: NDArray[np.int32],
        strong: NDArray[np.bool_],
        weak: NDArray[np.bool_],
    ) -> list[tuple[int, int]]:
        """Rows and detections that belong together: first the tracks, then what may become one."""
        if not self._rows or not len(xyxy):
            return []
        room = min(ROOM * elapsed**1.5, MOST_ROOM)
        expected, found = widened(self._boxes.xyxy, room), widened(xyxy, room)
        shared = overlap(expected, found)
        rows, classes, is_strong, is_weak = self._rows, class_id.tolist(), strong.tolist(), weak.tolist()
        overlapping = (side.tolist() for side in np.nonzero(shared >= CLOSE))
        near = [(i, j) for i, j in zip(*overlapping, strict=True) if rows[i].class_id == classes[j]]
        tracks = [pair for pair in near if rows[pair[0]].track is not None]
        stages = (
            [pair for pair in tracks if is_strong[pair[1]]],
            [(i, j) for i, j in tracks if is_weak[j] and not rows[i].missed and shared[i, j] >= CLOSER],
            [(i, j) for i, j in near if rows[i].track is None and is_strong[j]],
        )
        matches: list[tuple[int, int]] = []
        taken: tuple[set[int], set[int]] = set(), set()
        for stage in stages:
            free = [(i, j) for i, j in stage if i not in taken[0] and j not in taken[1]]
            if free:
                matched = pairs(free, shared, expected, found)
                matches += matched
                for side, numbers in zip(taken, zip(*matched, strict=True), strict=True):
                    side.update(numbers)
        return matches

    def _miss(self, seconds: float, matched: set[int], looked: Sequence[Box]) -> None:
        for i, row in enumerate(self._rows):
            if i not in matched and self._in_view(i, looked):
                row.missed += 1
                row.missing += seconds

    def _in_view(self, i: int, looked: Sequence[Box]) -> bool:
        if WHOLE in looked:
            return True
        x, y, width, height = self._boxes.at[i].tolist()
        if abs(x - 0.5) * 2 >= 1 + width or abs(y - 0.5) * 2 >= 1 + height:
            return True  # it is believed to have left the picture: no crop will ever show it
        # Crops end with the picture: of one that is leaving they show what is still within.
        x, y = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
        return any(x1 <= x <= x2 and y1 <= y <= y2 for x1, y1, x2, y2 in looked)

    def _hit(
        self,
        matches: Sequence[tuple[int, int]],
        xyxy: NDArray[np.float64],
        confidence: NDArray[np.float32],
        time: float,
    ) -> None:
        if not matches:
            return
        rows, detections = (np.array(side, np.intp) for side in zip(*matches, strict=True))
        self._boxes.correct(rows, xyxy[detections])
        boxes = cornered(self._boxes.at[rows]).clip(0, 1).tolist()
        # 0.7 of 32 bits is less than 0.7: who has exactly what a rule asks for has it.
        sure = confidence[detections].astype(np.float64).round(6).tolist()
        for row, (x1, y1, x2, y2), certainty in zip(rows.tolist(), boxes, sure, strict=True):
            candidate, box = self._rows[row], (x1, y1, x2, y2)
            candidate.missed, candidate.missing = 0, 0.0
            if candidate.track is None:
                began = candidate.began
                candidate.track = Track(next(self._ids), candidate.class_id, box, certainty, began, time, 1)
            track = candidate.track
            track.box, track.confidence, track.last_time = box, certainty, time
            track.hits += 1
            track.still_since = candidate.rest.seen(time, box)
        # What came first need not get its id first: only a crop with the later one may have been looked at.
        self.tracks = [row.track for row in self._rows if row.track is not None]

    def _begin(self, strong: NDArray[np.intp], xyxy: NDArray[np.float64], class_id: NDArray[np.int32]) -> None:
        new = strong[: MOST - len(self._rows)]
        if not len(new):
            return
        assert self._time is not None
        self._boxes.add(xyxy[new])
        for (x1, y1, x2, y2), number in zip(xyxy[new].tolist(), class_id[new].tolist(), strict=True):
            self._rows.append(_Candidate(number, self._time, Rest((x1, y1, x2, y2), self._time)))

    def _drop(self) -> list[Track]:
        """Takes out what is lost, what was seen once only, and the younger of two that follow one object."""
        gone = [self._is_lost(row) for row in self._rows]
        for twin in self._twins():
            gone[twin] = True
        if not any(gone):
            return []
        ended = [row.track for row, lost in zip(self._rows, gone, strict=True) if lost and row.track is not None]
        self._keep([not lost for lost in gone])
        return ended

    def _keep(self, rows: Sequence[bool]) -> None:
        self._boxes.keep(np.array(rows, np.bool_))
        self._rows = [row for row, kept in zip(self._rows, rows, strict=True) if kept]
        self.tracks = [row.track for row in self._rows if row.track is not None]

    @staticmethod
    def _is_lost(row: _Candidate) -> bool:
        if row.track is None:
            return row.missed > 0
        return row.missed >= LOST_LOOKS and row.missing >= LOST_SECONDS

    def _twins(self) -> set[int]:
        """One that is found again while its stand-in lives, or two that a detector's double boxes have begun."""
        if all(row.missed == 0 and row.track is not None and row.track.hits > YOUNG for row in self._rows):
            return set()
        xyxy = self._boxes.xyxy
        alike = overlap(xyxy, xyxy) > TWIN
        if np.count_nonzero(alike) <= len(xyxy):  # each with itself
            return set()
        same = np.triu(alike, 1)
        classes = np.array([row.class_id for row in self._rows])
        found = set()
        for i, j in zip(*np.nonzero(same & (classes[:, None] == classes)), strict=True):
            younger = max((i, j), key=lambda n: (self._rows[n].track is None, self._rows[n].began, n))
            found.add(int(younger))
        return found
