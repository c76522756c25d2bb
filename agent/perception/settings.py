"""What a scene is told to watch for: labels by class id, zones, lines. Plain data, made from the config."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.perception.facts import Point, Polygon


@dataclass(frozen=True, slots=True)
class LabelRule:
    """What a detection of one label must have to be published. Sizes in 0..1 of the picture's height and width.

    masks: where the foot point (bottom centre) of the box must not be.
    """

    confidence: float
    min_height: float = 0.0
    min_width: float = 0.0
    masks: tuple[Polygon, ...] = ()


@dataclass(frozen=True, slots=True)
class Zone:
    """class_ids: which labels count, None for all. confidence, min_height: as `LabelRule`, for this zone.

    dwell: seconds a track must stay before it counts as inside.
    """

    id: str
    polygon: Polygon
    class_ids: frozenset[int] | None = None
    confidence: float = 0.0
    min_height: float = 0.0
    dwell: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """An arrow from first to last; "in" is crossing it from its left to its right, or the other way if `reverse`."""

    id: str
    first: Point
    last: Point
    reverse: bool = False
    class_ids: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """One scene's. rules: by class id; a label without one is not published, though the tracker sees it.

    gate: skip frames in which nothing moves. regions: look closely where something does. snapshots: tell of views.
    told: class ids whose counts are told from the start; the others once they have been seen.
    """

    rules: Mapping[int, LabelRule]
    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    gate: bool = False
    regions: bool = False
    snapshots: bool = False
    told: frozenset[int] = field(default_factory=frozenset)
