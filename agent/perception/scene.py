"""One camera's scene: what is published of what the engine saw. A pure state machine: no I/O, no threads, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backends.detections import Detections, Unknown

if TYPE_CHECKING:
    from collections.abc import Sequence


class Scene:
    """confidence: the least that is published. labels: which of the model's labels; none given means all."""

    def __init__(self, model_labels: Sequence[str], confidence: float, labels: Sequence[str] = ()) -> None:
        self._confidence = confidence
        self._wanted = np.array([not labels or label in labels for label in model_labels], bool)

    def update(self, seen: Detections | Unknown) -> Detections | Unknown:
        """The detections this camera publishes. Unknown stays Unknown."""
        if isinstance(seen, Unknown):
            return seen
        return seen[(seen.confidence >= self._confidence) & self._wanted[seen.class_id]]
