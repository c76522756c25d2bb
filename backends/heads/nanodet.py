"""Head `nanodet`: NanoDet and NanoDet-Plus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.heads import fit
from backends.heads.cells import around, count, grid
from backends.heads.quantisation import check_one_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.contract import Output
    from backends.detections import Detections

_BINS = 8
# NanoDet counts from the centre of a cell, NanoDet-Plus from its corner.
_V1, _PLUS = (8, 16, 32), (8, 16, 32, 64)


class NanodetHead:
    """(1, n, classes + 32): one score per class, after sigmoid, then 4 times 8 bins of the distance of an edge.

    n tells NanoDet (strides 8, 16, 32) from NanoDet-Plus (64 too). The input is stretched, as NanoDet-Plus is
    trained; NanoDet itself is trained with `input: {resize: letterbox, pad: 0}`.
    Options: iou, class_agnostic.
    """

    def __init__(self, artifact: Artifact, outputs: Sequence[Output]) -> None:
        options, spec = artifact.head, artifact.input
        self._classes = len(artifact.labels)
        self._columns = self._classes + 4 * _BINS
        self._rows = {count(spec.height, spec.width, strides): strides for strides in (_V1, _PLUS)}
        rows = " or ".join(map(str, self._rows))
        self._index = fit.only(artifact, f"one output (1, {rows}, {self._columns})", outputs, self._fits)
        self._output = outputs[self._index]
        check_one_scale(artifact, self._output, "raw")
        strides = self._rows[self._output.shape[1]]
        offset = 0.5 if strides == _V1 else 0.0
        self._points, self._strides = grid(spec.height, spec.width, strides, offset)
        self._iou = float(options.get("iou", 0.6))
        self._class_agnostic = bool(options.get("class_agnostic", False))

    def _fits(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 3 and shape[0] in {1, -1} and shape[1] in self._rows and shape[2] == self._columns

    @fit.quiet
    def decode(self, outputs: Sequence[NDArray[Any]], floor: float) -> Detections:
        table = outputs[self._index].reshape(-1, self._columns)
        picked = fit.rows_above(table[:, : self._classes], fit.gate(floor, self._output))
        class_id, stored = fit.best(table[picked, : self._classes])
        chosen = fit.strongest(np.arange(len(picked)), stored)
        picked, class_id, confidence = picked[chosen], class_id[chosen], fit.real(stored[chosen], self._output)
        bins = fit.real(table[picked, self._classes :], self._output)
        boxes = around(self._points[picked], self._strides[picked], bins)
        return fit.apart(boxes, confidence, class_id, self._iou, self._class_agnostic)
