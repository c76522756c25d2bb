"""Which detections a camera publishes: each label's own confidence, size and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.perception.geometry import foot, inside

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from agent.perception.facts import Box
    from agent.perception.settings import LabelRule
    from backends.detections import Detections

_NEVER = 2.0


class LabelFilter:
    """rules: by class id; a class without one never passes."""

    def __init__(self, rules: Mapping[int, LabelRule]) -> None:
        known = max(rules, default=-1) + 2  # the last row is for class ids beyond
        self._least = np.full((known, 3), (_NEVER, 0, 0), np.float32)
        for class_id, rule in rules.items():
            self._least[class_id] = rule.confidence, rule.min_width, rule.min_height
        self._last = known - 1
        self._masks = {class_id: rule.masks for class_id, rule in rules.items() if rule.masks}
        self._sized = bool(self._least[:, 1:].any())

    def __call__(self, seen: Detections) -> NDArray[np.bool_]:
        """(n,): what may be published. seen: boxes in 0..1 of the picture."""
        least = self._least[np.minimum(seen.class_id, self._last)]
        passed: NDArray[np.bool_] = seen.confidence >= least[:, 0]
        if self._sized:
            passed &= (seen.xyxy[:, 2:] - seen.xyxy[:, :2] >= least[:, 1:]).all(axis=1)
        if self._masks:
            for i in np.flatnonzero(passed).tolist():
                x1, _, x2, y2 = seen.xyxy[i].tolist()
                polygons = self._masks.get(int(seen.class_id[i]), ())
                passed[i] = not any(inside(polygon, ((x1 + x2) / 2, y2)) for polygon in polygons)
        return passed


def breaks(rule: LabelRule, before: LabelRule, box: Box, confidence: float) -> bool:
    """Whether a track that was told under the rule before fails this one in something that has become stricter.

    Nothing else is a reason: a track that was told stays, though it may be less sure by now, or in a mask.
    """
    x1, y1, x2, y2 = box
    return (
        (rule.confidence > before.confidence and confidence < rule.confidence)
        or (rule.min_width > before.min_width and x2 - x1 < rule.min_width)
        or (rule.min_height > before.min_height and y2 - y1 < rule.min_height)
        or any(inside(mask, foot(box)) for mask in rule.masks if mask not in before.masks)
    )
