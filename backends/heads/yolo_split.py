"""Head `yolo-split`: a YOLO (v8, v9, 11) cut before its last layer, as it is made for the Edge TPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.heads import fit
from backends.heads.cells import around, grid
from backends.heads.levels import Level, levels
from backends.heads.quantisation import check_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.contract import Output
    from backends.detections import Detections


_NOTHING = np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32)


class YoloSplitHead:
    """Edges as 4 times 16 bins, and one logit per class, in tensors of their own, each with its own scale.

    One pair of tensors per stride, (1, h, w, channels) or (1, channels, h, w), or all strides one after the other,
    (1, n, channels) or (1, channels, n). The threshold is compared with the logits as they are stored, and only
    what passes it is made real. Other outputs (the highest logit of each cell) are not read.
    Options: outputs (role "boxes" or "scores" to an index or name, or a list of them), logits (False: the scores
    are after sigmoid), iou, class_agnostic.
    """

    def __init__(self, artifact: Artifact, outputs: Sequence[Output]) -> None:
        options, spec = artifact.head, artifact.input
        self._levels = levels(artifact, outputs)
        self._outputs = tuple(outputs)
        check_known(artifact, *(outputs[index] for level in self._levels for index in (level.boxes, level.scores)))
        self._logits = bool(options.get("logits", True))
        self._grids = [grid(spec.height, spec.width, level.strides, 0.5) for level in self._levels]
        self._iou = float(options.get("iou", 0.7))
        self._class_agnostic = bool(options.get("class_agnostic", False))

    @fit.quiet
    def decode(self, outputs: Sequence[NDArray[Any]], floor: float) -> Detections:
        found = [
            self._candidates(outputs, floor, level, points)
            for level, points in zip(self._levels, self._grids, strict=True)
        ]
        boxes, confidence, class_id = (np.concatenate(parts) for parts in zip(*found, strict=True))
        chosen = fit.strongest(np.arange(len(boxes)), confidence)
        return fit.apart(boxes[chosen], confidence[chosen], class_id[chosen], self._iou, self._class_agnostic)

    def _candidates(
        self,
        outputs: Sequence[NDArray[Any]],
        floor: float,
        level: Level,
        points: tuple[NDArray[np.float32], NDArray[np.float32]],
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
        kind = self._outputs[level.scores]
        least = fit.gate(fit.logit(floor) if self._logits else floor, kind)
        scores = _table(outputs[level.scores], level.scores_last)
        picked = _above(scores, least, level.scores_last)
        if not len(picked):
            return _NOTHING
        class_id, stored = fit.best(scores[picked])
        confidence = fit.real(stored, kind)
        if self._logits:
            confidence = fit.sigmoid(confidence)
        chosen = fit.strongest(np.arange(len(picked)), confidence)
        picked = picked[chosen]
        bins = fit.real(_table(outputs[level.boxes], level.boxes_last)[picked], self._outputs[level.boxes])
        return around(points[0][picked], points[1][picked], bins), confidence[chosen], class_id[chosen]


def _table(tensor: NDArray[Any], channels_last: bool) -> NDArray[Any]:
    """(cells, channels), a view."""
    return tensor.reshape(-1, tensor.shape[-1]) if channels_last else tensor.reshape(tensor.shape[1], -1).T


def _above(scores: NDArray[Any], least: float, channels_last: bool) -> NDArray[np.intp]:
    if channels_last:
        return fit.rows_above(scores, least)
    return np.flatnonzero(np.fmax.reduce(scores, axis=1) >= least)
