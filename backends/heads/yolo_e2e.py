"""Head `yolo-e2e`: rows that need no NMS: YOLOv10, YOLO26 with nms=False, exports with embedded NMS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.heads import fit
from backends.heads.quantisation import check_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.contract import Output
    from backends.detections import Detections


class YoloE2eHead:
    """(1, n, 6 + extra): x1, y1, x2, y2, confidence, class_id, and columns of masks or key points, not read.

    Rows of zeros, with which an embedded NMS fills its table, are left out by their confidence.

    Options: units ("px" of the input, or "norm": 0..1), extra.
    """

    def __init__(self, artifact: Artifact, outputs: Sequence[Output]) -> None:
        self._columns = 6 + int(artifact.head.get("extra", 0))
        self._labels = len(artifact.labels)
        self._index = fit.only(artifact, f"one output (1, n, {self._columns})", outputs, self._fits)
        self._output = outputs[self._index]
        units = str(artifact.head.get("units", "px"))
        check_rows(artifact, self._output, units)
        self._size = fit.sized(artifact, units)

    def _fits(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 3 and shape[0] in {1, -1} and shape[2] == self._columns

    @fit.quiet
    def decode(self, outputs: Sequence[NDArray[Any]], floor: float) -> Detections:
        table = outputs[self._index].reshape(-1, self._columns)
        rows = fit.real(table[table[:, 4] >= fit.gate(floor, self._output), :6], self._output)
        number = np.rint(rows[:, 5])
        known = (number >= 0) & (number < self._labels)
        rows = rows[known]
        return fit.ranked(rows[:, :4] * self._size, rows[:, 4], number[known].astype(np.int32))
