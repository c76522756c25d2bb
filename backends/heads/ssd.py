"""Heads `ssd` and `efficientdet-lite`: boxes a TensorFlow graph or TFLite_Detection_PostProcess chose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.detections import Detections
from backends.heads import fit
from backends.heads.quantisation import check_known
from backends.heads.roles import roles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.contract import Output


class SsdHead:
    """boxes (1, n, 4) as y1, x1, y2, x2 in 0..1, classes (1, n), scores (1, n), count (1,), in any order.

    Options: label_offset (the number of the first label: 1 for TensorFlow's own graphs, 0 for
    TFLite_Detection_PostProcess), outputs (role to index or name). Classes without a label are left out.
    """

    def __init__(self, artifact: Artifact, outputs: Sequence[Output]) -> None:
        found = roles(artifact, outputs)
        self._boxes, self._classes = found["boxes"], found["classes"]
        self._scores, self._count = found["scores"], found.get("count")
        self._outputs = tuple(outputs)
        check_known(artifact, outputs[self._boxes], outputs[self._scores])
        self._labels = len(artifact.labels)
        self._offset = int(artifact.head.get("label_offset", 0))
        self._size = fit.sized(artifact, "norm")

    @fit.quiet
    def decode(self, outputs: Sequence[NDArray[Any]], floor: float) -> Detections:
        scores = outputs[self._scores].reshape(-1)
        if self._count is not None:
            scores = scores[: _valid(outputs[self._count], len(scores))]
        picked = np.flatnonzero(scores >= fit.gate(floor, self._outputs[self._scores]))
        if not picked.size:
            return Detections.empty()
        numbers = np.rint(self._rows(outputs, self._classes, picked)) - self._offset
        known = (numbers >= 0) & (numbers < self._labels)  # what is no number is neither
        if not known.all():
            picked, numbers = picked[known], numbers[known]
        boxes = self._rows(outputs, self._boxes, picked, 4)[:, [1, 0, 3, 2]] * self._size
        confidence = self._rows(outputs, self._scores, picked)
        return fit.ranked(boxes, confidence, numbers.astype(np.int32))

    def _rows(
        self, outputs: Sequence[NDArray[Any]], index: int, picked: NDArray[np.intp], *columns: int
    ) -> NDArray[np.float32]:
        """The real numbers of these rows of a tensor."""
        return fit.real(outputs[index].reshape(-1, *columns)[picked], self._outputs[index])


def _valid(count: NDArray[Any], rows: int) -> int:
    """How many rows the model filled; all where its count is no number of rows."""
    number = float(count.reshape(-1)[0])
    return int(number) if 0 <= number <= rows else rows
