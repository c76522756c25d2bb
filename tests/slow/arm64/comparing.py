"""Whether two machines saw the same: each clear detection of one has its like in the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.support.accuracy import iou

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two machines may differ. overlap: least IoU. confidence: most difference."""

    overlap: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Over all pairs. compared: how many."""

    compared: int
    least_overlap: float
    most_difference: float


def compare(
    ours: Mapping[int, Sequence[Found]], theirs: Mapping[int, Sequence[Found]], threshold: float, within: Tolerance
) -> Agreement:
    """By frame index, detections as published with at least `threshold`. Raises AssertionError naming the frame.

    Those within the tolerance of the threshold may be missing on the other side.
    """
    assert sorted(ours) == sorted(theirs), "not the same frames were looked at"
    overlaps, differences = [1.0], [0.0]
    for index in sorted(ours):
        for one, other in ((ours[index], theirs[index]), (theirs[index], ours[index])):
            for found in one:
                if found["confidence"] < threshold + within.confidence:
                    continue
                like = _like(found, other, within)
                assert like, f"frame {index}: {found} has no like in {other}"
                overlaps.append(like[0])
                differences.append(like[1])
    return Agreement(len(overlaps) - 1, min(overlaps), max(differences))


def _like(found: Found, others: Sequence[Found], within: Tolerance) -> tuple[float, float] | None:
    """IoU and difference of confidence of the detection that is most like `found`, of those within the tolerance."""
    same = [other for other in others if other["label"] == found["label"]]
    if not same:
        return None
    overlap = iou(np.array([found["box"]], float), np.array([other["box"] for other in same], float))[0]
    pairs = [(float(o), abs(other["confidence"] - found["confidence"])) for o, other in zip(overlap, same, strict=True)]
    fitting = [(o, d) for o, d in pairs if o >= within.overlap and d <= within.confidence]
    return max(fitting, default=None)
