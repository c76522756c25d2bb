"""What a scene says: the objects of a frame, what happened to tracks, and the counts that changed. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from backends.detections import Detections, Unknown

Box: TypeAlias = tuple[float, float, float, float]
"""x1, y1, x2, y2 in 0..1 of the whole (rotated) picture, y down."""
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)

Point: TypeAlias = tuple[float, float]
"""x, y in 0..1 of the whole (rotated) picture, y down."""
Polygon: TypeAlias = tuple[Point, ...]

Kind = Literal["track.started", "track.updated", "track.ended", "zone.entered", "zone.left", "line.crossed"]
EndReason = Literal["left", "lost", "camera_offline_timeout", "stopped"]
Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class Moment:
    """When a frame was taken, on three clocks.

    media_time: the camera's own seconds, which never go back; all that lasts is measured by it. captured_at: wall
    clock, only ever handed on. monotonic: the same instant on time.monotonic(); tells how long nothing was known.
    """

    media_time: float
    captured_at: float
    monotonic: float


@dataclass(frozen=True, slots=True)
class TrackView:
    """A confirmed track as an event shows it.

    confidence: the median over its history; best_confidence: the highest. box: where it was seen last.
    first_seen, last_seen: wall clock; duration: seconds between them by the camera's clock.
    zones: id and seconds spent in each it has been in, in the order of entering. lines: id and direction of each
    crossing, oldest first. path: seconds since first seen and foot point, oldest first, a bounded number of them.
    """

    track_id: int
    class_id: int
    confidence: float
    best_confidence: float
    box: Box
    first_seen: float
    last_seen: float
    duration: float
    stationary: bool
    stale: bool
    zones: tuple[tuple[str, float], ...]
    lines: tuple[tuple[str, Direction], ...]
    path: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a track. at: wall clock of the frame that showed it. frame: width and height of its picture.

    zone, seconds: of zone events (seconds: spent in it, for zone.left). line, direction: of line events. end_reason:
    of the end.
    """

    kind: Kind
    at: float
    track: TrackView
    frame: tuple[int, int]
    zone: str = ""
    seconds: float = 0.0
    line: str = ""
    direction: Direction | None = None
    end_reason: EndReason | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many confirmed tracks there are. zone: empty for the whole picture. class_id: None for all labels.

    stale: nobody has been able to look lately; the count is the last that was known. at: wall clock.
    """

    zone: str
    class_id: int | None
    count: int
    stale: bool
    at: float


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Whether somebody is there, with hysteresis. since: wall clock of the last change. Else as `Count`."""

    zone: str
    class_id: int | None
    occupied: bool
    stale: bool
    since: float


@dataclass(frozen=True, slots=True)
class LineCount:
    """Totals of one line and label, which only grow. class_id: None for all. since: wall clock of the first count."""

    line: str
    class_id: int | None
    into: int
    out: int
    since: float
    at: float


@dataclass(frozen=True, slots=True)
class View:
    """A view of a track that beats its last one, pixels not yet looked at. score: higher is better."""

    track_id: int
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What one look, or its absence, has brought.

    seen: what is published of the frame. track_ids: one per detection, None for one that is not tracked (yet).
    counts: those that have changed. views: whose pixels are worth keeping.
    """

    seen: Detections | Unknown
    track_ids: tuple[int | None, ...] = ()
    happenings: tuple[Happening, ...] = ()
    counts: tuple[Count | Occupancy | LineCount, ...] = ()
    views: tuple[View, ...] = ()
