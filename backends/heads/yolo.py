"""Head `yolo`: the raw output of Ultralytics YOLOv5u, v8, v9, 11, 26 and of LibreYOLO's YOLOv9."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.detections import Detections
from backends.heads import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.contract import Output


class YoloHead:
    """(1, 4 + classes + extra, n), channel first: a box, then one score per class, after sigmoid.

    The extra channels (masks or key points) are not read.
    Options: box ("cxcywh" or "xyxy"), units ("px" of the input, or "norm": 0..1), extra, iou, class_agnostic.
    """

    def __init__(self, artifact: Artifact, outputs: Sequence[Output]) -> None:
        options, spec = artifact.head, artifact.input
        self._classes = len(artifact.labels)
        self._channels = 4 + self._classes + int(options.get("extra", 0))
        self._index = fit.only(artifact, f"one output (1, {self._channels}, n)", outputs, self._fits)
        self._output = outputs[self._index]
        self._corners = options.get("box", "cxcywh") == "xyxy"
        self._iou = float(options.get("iou", 0.7))
        self._class_agnostic = bool(options.get("class_agnostic", False))
        size = (spec.width, spec.height) * 2 if options.get("units", "px") == "norm" else (1,) * 4
        self._size = np.array(size, np.float32)

    def _fits(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 3 and shape[0] in {1, -1} and shape[1] == self._channels

    def decode(self, outputs: Sequence[NDArray[Any]], floor: float) -> Detections:
        table = outputs[self._index].reshape(self._channels, -1)
        scores = table[4 : 4 + self._classes]
        best = scores.max(axis=0)
        picked = np.flatnonzero(best >= fit.gate(floor, self._output))
        if not picked.size:
            return Detections.empty()
        picked = fit.strongest(picked, best[picked])
        class_id = scores[:, picked].argmax(axis=0).astype(np.int32)
        confidence = fit.real(best[picked], self._output)
        boxes = fit.real(table[:4, picked], self._output).T
        if not self._corners:
            boxes = fit.centres_to_corners(boxes)
        boxes = boxes * self._size
        return fit.apart(boxes, confidence, class_id, self._iou, self._class_agnostic)
