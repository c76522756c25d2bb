"""Head `yolox`: the output of YOLOX, decoded in the graph or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.heads import fit
from backends.heads.cells import count, grid
from backends.heads.objectness import candidates
from backends.heads.quantisation import check_one_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.contract import Output
    from backends.detections import Detections

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
        size = artifact.input.height, artifact.input.width
        self._rows = count(*size, _STRIDES)
        rows = "n" if self._decoded else str(self._rows)
        self._index = fit.only(artifact, f"one output (1, {rows}, {self._columns})", outputs, self._fits)
        self._output = outputs[self._index]
        check_one_scale(artifact, self._output, "px" if self._decoded else "raw")
        if not self._decoded:
            self._cells, self._stride = grid(*size, _STRIDES)

    def _fits(self, shape: tuple[int, ...]) -> bool:
        if len(shape) != 3 or shape[0] not in {1, -1} or shape[2] != self._columns:
            return False
        return self._decoded or shape[1] in {self._rows, -1}

    @fit.quiet
    def decode(self, outputs: Sequence[NDArray[Any]], floor: float) -> Detections:
        table = outputs[self._index].reshape(-1, self._columns)
        picked, boxes, confidence, class_id = candidates(table, self._output, floor)
        if not self._decoded:
            cells, stride = self._cells[picked], self._stride[picked]
            # A size of e**20 strides is no box; without the bound a broken row would overflow.
            boxes = np.concatenate(
                ((boxes[:, :2] + cells) * stride, np.exp(np.minimum(boxes[:, 2:], 20)) * stride), axis=1
            )
        return fit.apart(fit.centres_to_corners(boxes), confidence, class_id, self._iou, self._class_agnostic)
