"""How far the boxes of two models agree. Pure.

Of each picture the boxes of one model at CONFIDENCE and above must be found again by the other, which may be less sure
by SLACK: a box that stands just at the bar is no disagreement. Both ways, since boxes that are new are wrong as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.detections import Detections

IOU = 0.5
CONFIDENCE = 0.5
"""What a camera publishes unless told otherwise."""
SLACK = 0.1
AT_LEAST = 0.9
"""The share that must agree, unless told otherwise: docs/decisions/0013."""
_COLLAPSE_BOXES, _COLLAPSE = 5, 0.5
"""A label with so many boxes of which fewer than this share are found again is lost, however well the others do."""
_FEW = 30


@dataclass(frozen=True, slots=True)
class Direction:
    """boxes: of one model, how many of them the other found again, their IoU and by how much it was surer, summed."""

    boxes: int = 0
    found: int = 0
    iou: float = 0.0
    surer: float = 0.0

    def __add__(self, other: Direction) -> Direction:
        return Direction(
            self.boxes + other.boxes, self.found + other.found, self.iou + other.iou, self.surer + other.surer
        )

    @property
    def share(self) -> float | None:
        """None where there was nothing to be found."""
        return self.found / self.boxes if self.boxes else None

    def to_json(self) -> dict[str, Any]:
        """The means are over what was found again."""
        return {
            "boxes": self.boxes,
            "found": self.found,
            "share": _rounded(self.share),
            "mean_iou": _rounded(self.iou / self.found if self.found else None),
            "confidence_difference": _rounded(self.surer / self.found if self.found else None),
        }


@dataclass(frozen=True, slots=True)
class Pair:
    """there: the boxes of A found again in B; back: those of B found again in A."""

    there: Direction = Direction()
    back: Direction = Direction()

    def __add__(self, other: Pair) -> Pair:
        return Pair(self.there + other.there, self.back + other.back)

    @property
    def lost(self) -> bool:
        return any(
            way.boxes >= _COLLAPSE_BOXES and way.found < _COLLAPSE * way.boxes for way in (self.there, self.back)
        )


def compared(a: Detections, b: Detections, confidence: float) -> dict[int, Pair]:
    """By class_id, of one picture. Both models must have been asked down to `floor(confidence)`."""
    classes = sorted({*a.class_id.tolist(), *b.class_id.tolist()})
    found = {}
    for class_id in classes:
        ours, theirs = a[a.class_id == class_id], b[b.class_id == class_id]
        pair = Pair(_direction(ours, theirs, confidence), _direction(theirs, ours, confidence))
        if pair != Pair():
            found[class_id] = pair
    return found


def floor(confidence: float) -> float:
    """From where on boxes of the other model count."""
    return max(confidence - SLACK, 0.01)


def verdict(labels: dict[str, Pair], at_least: float) -> tuple[bool, list[str]]:
    """Whether B may stand in for A; and why not, or what is to be known of the answer.

    labels: by label, over all pictures.
    """
    total = sum(labels.values(), Pair())
    if not total.there.boxes:
        seen = f"; B has {total.back.boxes}" if total.back.boxes else ", nor does B"
        return False, [f"unknown: A sees nothing in these pictures{seen}; use pictures of what it should find"]
    reasons = []
    ways = (("of A's boxes are found again by B", total.there), ("of B's boxes are in A", total.back))
    for what, way in ways:
        share = way.share
        if share is not None and share < at_least:
            reasons.append(f"{share:.3f} {what}; at least {at_least:g} is required")
    if not total.back.boxes:
        reasons.append("B sees nothing at all")
    for label, pair in labels.items():
        if at_least > 0 and pair.lost:
            there, back = pair.there, pair.back
            reasons.append(
                f"{label} is lost: {there.found} of {there.boxes} found again, {back.found} of {back.boxes} back"
            )
    if reasons:
        return False, reasons
    boxes = "1 box" if total.there.boxes == 1 else f"{total.there.boxes} boxes"
    few = f"only {boxes}: more pictures would tell more" if total.there.boxes < _FEW else ""
    return True, [few] if few else []


def _direction(ours: Detections, theirs: Detections, confidence: float) -> Direction:
    """Greedy, our surest box first: each takes the box of theirs that overlaps it most and that none has taken."""
    ours = ours[ours.confidence >= confidence]
    theirs = theirs[theirs.confidence >= floor(confidence)]
    overlaps = iou(ours.xyxy, theirs.xyxy)
    count, total, surer = 0, 0.0, 0.0
    for row in np.argsort(-ours.confidence, kind="stable") if len(theirs) else ():
        best = int(overlaps[row].argmax())
        if overlaps[row, best] < IOU:
            continue
        count += 1
        total += float(overlaps[row, best])
        surer += float(theirs.confidence[best] - ours.confidence[row])
        overlaps[:, best] = 0.0
    return Direction(len(ours), count, total, surer)


def iou(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 4) and (m, 4) to (n, m)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    inner = np.clip(high - low, 0, None).prod(axis=2)
    areas: Sequence[NDArray[np.float32]] = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    union = areas[0][:, None] + areas[1][None] - inner
    shares: NDArray[np.float32] = inner / np.maximum(union, 1e-12)
    return shares


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
