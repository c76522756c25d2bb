"""Head `yolox`: the output of YOLOX, decoded in the graph or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.detections import Detections
from backends.heads import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact, InputSpec
    from backends.contract import Output

_STRIDES = (8, 16, 32)


class YoloxHead:
    """(1, n, 5 + classes): cx, cy, width, height, objectness and one score per class, both after sigmoid.

    Options: decoded (True: the box is in pixels of the input; False: offset from its grid cell and logarithm
    of the size, both in strides), iou, class_agnostic.
    """

    def __init__(self, artifact: Artifact, outputs: Sequence[Output]) -> None:
        options = artifact.head
        self._columns = 5 + len(artifact.labels)
        self._decoded = bool(options.get("decoded", False))
        self._iou = float(options.get("iou", 0.45))
        self._class_agnostic = bool(options.get("class_agnostic", False))
        self._cells, self._stride = _grid(artifact.input)
        rows = "n" if self._decoded else str(len(self._cells))
        self._index = fit.only(artifact, f"one output (1, {rows}, {self._columns})", outputs, self._fits)
        self._output = outputs[self._index]

    def _fits(self, shape: tuple[int, ...]) -> bool:
        if len(shape) != 3 or shape[0] not in {1, -1} or shape[2] != self._columns:
            return False
        return self._decoded or shape[1] in {len(self._cells), -1}

    def decode(self, outputs: Sequence[NDArray[Any]], floor: float) -> Detections:
        table = outputs[self._index].reshape(-1, self._columns)
        # No class score exceeds 1, so objectness alone rules most rows out.
        picked = np.flatnonzero(table[:, 4] >= fit.gate(floor, self._output))
        if not picked.size:
            return Detections.empty()
        rows = fit.real(table[picked], self._output)
        class_id = rows[:, 5:].argmax(axis=1).astype(np.int32)
        confidence = rows[:, 4] * rows[np.arange(len(rows)), class_id + 5]
        chosen = np.flatnonzero(confidence >= floor)
        chosen = fit.strongest(chosen, confidence[chosen])
        boxes = rows[chosen, :4]
        if not self._decoded:
            cells, stride = self._cells[picked[chosen]], self._stride[picked[chosen]]
            # A size of e**20 strides is no box; without the bound a broken row would overflow.
            boxes = np.concatenate(
                ((boxes[:, :2] + cells) * stride, np.exp(np.minimum(boxes[:, 2:], 20)) * stride), axis=1
            )
        boxes, confidence, class_id = fit.centres_to_corners(boxes), confidence[chosen], class_id[chosen]
        return fit.apart(boxes, confidence, class_id, self._iou, self._class_agnostic)


def _grid(spec: InputSpec) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The cells (n, 2) as x, y and the stride (n, 1) of each output row: strides ascending, rows first."""
    cells, strides = [], []
    for stride in _STRIDES:
        y, x = np.mgrid[: spec.height // stride, : spec.width // stride]
        cells.append(np.stack((x.ravel(), y.ravel()), axis=1))
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
