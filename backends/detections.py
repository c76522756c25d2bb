"""What a model saw in one frame, and the explicit answer for "nobody knows"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Detections:
    """n detections as a struct of arrays, best confidence first.

    xyxy: float32 (n, 4), x1 y1 x2 y2. Out of a head: pixels of the model's input. Out of dispatch: 0..1 of the
    whole (rotated) picture, clamped.
    confidence: float32 (n,), 0..1. class_id: int32 (n,), an index into the model's labels.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]

    def __post_init__(self) -> None:
        n = len(self.xyxy)
        if self.xyxy.shape != (n, 4) or self.confidence.shape != (n,) or self.class_id.shape != (n,):
            raise ValueError(
                f"xyxy {self.xyxy.shape}, confidence {self.confidence.shape} and class_id {self.class_id.shape} "
                "must be (n, 4), (n,) and (n,)"
            )

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Detections:
        """The chosen rows: a boolean mask (n,) or indices."""
        return Detections(self.xyxy[rows], self.confidence[rows], self.class_id[rows])

    @classmethod
    def empty(cls) -> Detections:
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody looked at a frame: gated, or the engine timed out, died or refused. Never an empty `Detections`.

    reason: in the words of `inferred: false`.
    """

    reason: str
