"""Head `rfdetr`: RF-DETR as its project or LibreYOLO exports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.contract import ArtifactError
from backends.heads import fit
from backends.heads.detr import decoded, pair
from backends.heads.quantisation import check_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.contract import Output
    from backends.detections import Detections

_COCO_COLUMNS = 91
_COCO_HOLES = {0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
"""The numbers of 0..90 that COCO's 80 categories leave out."""


class RfDetrHead:
    """boxes `dets` (1, n, 4), cx, cy, width, height in 0..1, and logits `labels` (1, n, columns); masks are not read.

    Which column is which label: as many columns as labels, one by one; 91 columns and 80 labels, by COCO's numbers
    (the stock weights); else by the option label_offset, the column of the first label.
    Options: label_offset, outputs (role "boxes" or "scores" to index or name).
    """

    def __init__(self, artifact: Artifact, outputs: Sequence[Output]) -> None:
        found = pair(artifact, outputs)
        if found is None:
            raise fit.misfit(
                artifact,
                "boxes (1, n, 4) and logits (1, n, columns), told apart by head: {outputs: {boxes: 0, scores: 1}}",
                outputs,
            )
        self._boxes, self._scores = found
        self._kinds = outputs[self._scores], outputs[self._boxes]
        check_known(artifact, *self._kinds)
        self._numbering = _numbering(artifact, outputs[self._scores], outputs)
        self._size = fit.sized(artifact, "norm")

    @fit.quiet
    def decode(self, outputs: Sequence[NDArray[Any]], floor: float) -> Detections:
        logits = outputs[self._scores].reshape(-1, len(self._numbering))
        boxes = outputs[self._boxes].reshape(-1, 4)
        return decoded(logits, boxes, self._kinds, self._numbering, self._size, floor)


def _numbering(artifact: Artifact, scores: Output, outputs: Sequence[Output]) -> NDArray[np.int32]:
    """Of each column of the logits the index of its label, -1 for none."""
    labels, columns = len(artifact.labels), scores.shape[2]
    offset = artifact.head.get("label_offset")
    if offset is None and columns == labels:
        offset = 0
    if offset is None and (columns, labels) == (_COCO_COLUMNS, _COCO_COLUMNS - len(_COCO_HOLES)):
        found = np.full(columns, -1, np.int32)
        found[[number for number in range(columns) if number not in _COCO_HOLES]] = np.arange(labels)
        return found
    if columns not in {labels, labels + 1}:
        raise fit.misfit(artifact, f"logits (1, n, {labels}) or one column more", outputs)
    if offset is None:
        raise ArtifactError(
            f"{artifact.path}: its logits have {columns} columns for {labels} labels; write which column is the first "
            f"label into {artifact.path.with_suffix('.yaml')}:\n"
            "  head: {label_offset: 0}  the last column means nothing\n"
            "  head: {label_offset: 1}  the first column means nothing: labels numbered from 1, as in COCO"
        )
    if offset + labels > columns:
        raise ArtifactError(
            f"{artifact.path}: head.label_offset is {offset}, and {labels} labels from there need {offset + labels} "
            f"columns; the logits have {columns}. Correct it in {artifact.path.with_suffix('.yaml')}"
        )
    found = np.full(columns, -1, np.int32)
    found[offset : offset + labels] = np.arange(labels)
    return found
