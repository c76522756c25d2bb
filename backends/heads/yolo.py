"""Head `yolo`: the raw output of Ultralytics YOLOv5u, v8, v9, 11, 26 and of LibreYOLO's YOLOv9."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.detections import Detections
from backends.heads import fit
from backends.heads.quantisation import check_one_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.contract import Output


class YoloHead:
    """(1, 4 + classes + extra, n), or the same transposed: a box, then one score per class, after sigmoid.

    The extra channels (masks or key points) are not read.
    Options: box ("cxcywh" or "xyxy"), units ("px" of the input, or "norm": 0..1), extra, iou, class_agnostic.
    """

    def __init__(self, artifact: Artifact, outputs: Sequence[Output]) -> None:
        options = artifact.head
        self._classes = len(artifact.labels)
        self._channels = channels = 4 + self._classes + int(options.get("extra", 0))
        expected = f"one output (1, {channels}, n) or (1, n, {channels})"
        self._index = fit.only(artifact, expected, outputs, self._fits)
        self._output = outputs[self._index]
        self._channels_first = self._output.shape[1] == channels
        self._corners = options.get("box", "cxcywh") == "xyxy"
        self._iou = float(options.get("iou", 0.7))
        self._class_agnostic = bool(options.get("class_agnostic", False))
        units = str(options.get("units", "px"))
        check_one_scale(artifact, self._output, units)
        self._size = fit.sized(artifact, units)

    def _fits(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 3 and shape[0] in {1, -1} and self._channels in shape[1:]

    @fit.quiet
    def decode(self, outputs: Sequence[NDArray[Any]], floor: float) -> Detections:
        least = fit.gate(floor, self._output)
        end = 4 + self._classes
        if self._channels_first:
            table = outputs[self._index].reshape(self._channels, -1)
            picked, class_id, confidence = fit.columns_above(table[4:end], least)
            boxes = table[:4, picked].T
        else:
            table = outputs[self._index].reshape(-1, self._channels)
            rows = table[fit.rows_above(table[:, 4:end], least), :end]
            class_id, confidence = fit.best(rows[:, 4:])
            boxes = rows[:, :4]
        if not len(boxes):
            return Detections.empty()
        if len(boxes) > fit.MAX_CANDIDATES:
            chosen = fit.strongest(np.arange(len(boxes)), confidence)
            boxes, class_id, confidence = boxes[chosen], class_id[chosen], confidence[chosen]
        boxes = fit.real(boxes, self._output)
        if not self._corners:
            boxes = fit.centres_to_corners(boxes)
        boxes *= self._size
        return fit.apart(boxes, fit.real(confidence, self._output), class_id, self._iou, self._class_agnostic)
