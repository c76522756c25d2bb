"""Head `yolov5`: the output of the original YOLOv5 repository, and of YOLOv6 and YOLOv7, decoded in the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backends.heads import fit
from backends.heads.objectness import candidates
from backends.heads.quantisation import check_one_scale

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.contract import Output
    from backends.detections import Detections


class YoloV5Head:
    """(1, n, 5 + classes + extra): cx, cy, width, height, objectness and one score per class, both after sigmoid.

    The extra columns (masks) are not read.
    Options: units ("px" of the input, or "norm": 0..1, as in its TFLite exports), extra, iou, class_agnostic.
    """

    def __init__(self, artifact: Artifact, outputs: Sequence[Output]) -> None:
        options = artifact.head
        self._end = 5 + len(artifact.labels)
        self._columns = self._end + int(options.get("extra", 0))
        self._index = fit.only(artifact, f"one output (1, n, {self._columns})", outputs, self._fits)
        self._output = outputs[self._index]
        self._iou = float(options.get("iou", 0.45))
        self._class_agnostic = bool(options.get("class_agnostic", False))
        units = str(options.get("units", "px"))
        check_one_scale(artifact, self._output, units)
        self._size = fit.sized(artifact, units)

    def _fits(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 3 and shape[0] in {1, -1} and shape[2] == self._columns

    @fit.quiet
    def decode(self, outputs: Sequence[NDArray[Any]], floor: float) -> Detections:
        table = outputs[self._index].reshape(-1, self._columns)[:, : self._end]
        _, boxes, confidence, class_id = candidates(table, self._output, floor)
        boxes = fit.centres_to_corners(boxes) * self._size
        return fit.apart(boxes, confidence, class_id, self._iou, self._class_agnostic)
