"""Head `rtdetr`: RT-DETR as Ultralytics exports it; RT-DETR, D-FINE and DEIM as LibreYOLO exports them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.contract import ArtifactError
from backends.heads import fit
from backends.heads.detr import decoded, pair
from backends.heads.quantisation import check_known, check_one_scale, check_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.contract import Output
    from backends.detections import Detections


class RtDetrHead:
    """Three forms, in all of them the box is cx, cy, width, height in 0..1. Nothing is suppressed.

    - (1, n, 6): box, confidence, class_id (Ultralytics 8.4);
    - (1, n, 4 + classes): box, one score per class, after sigmoid (Ultralytics before);
    - (1, n, 4) boxes and (1, n, classes) logits, in any order (LibreYOLO).

    Options: rows ("class" for the first or "scores" for the second form, needed only with two labels, where both have
    six columns), outputs (role "boxes" or "scores" to index or name).
    """

    def __init__(self, artifact: Artifact, outputs: Sequence[Output]) -> None:
        self._labels = len(artifact.labels)
        self._size = fit.sized(artifact, "norm")
        self._outputs = tuple(outputs)
        self._numbering = np.arange(self._labels, dtype=np.int32)
        self._rows = ""
        found = None if len(outputs) == 1 else pair(artifact, outputs)
        if found:
            self._boxes, self._index = found
            if outputs[self._index].shape[2] != self._labels:
                raise fit.misfit(artifact, f"logits (1, n, {self._labels})", outputs)
            check_known(artifact, outputs[self._index], outputs[self._boxes])
            return
        self._index = fit.only(artifact, self._expected(), outputs, self._fits)
        output = outputs[self._index]
        self._rows = _rows(artifact, output.shape[2])
        (check_rows if self._rows == "class" else check_one_scale)(artifact, output, "norm")

    def _expected(self) -> str:
        return (
            f"one output (1, n, 6) or (1, n, {4 + self._labels}), or boxes (1, n, 4) and logits "
            f"(1, n, {self._labels}), told apart by head: {{outputs: {{boxes: 0, scores: 1}}}}"
        )

    def _fits(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 3 and shape[0] in {1, -1} and shape[2] in {6, 4 + self._labels}

    @fit.quiet
    def decode(self, outputs: Sequence[NDArray[Any]], floor: float) -> Detections:
        output, table = self._outputs[self._index], outputs[self._index]
        table = table.reshape(-1, table.shape[-1])
        if not self._rows:
            boxes = outputs[self._boxes].reshape(-1, 4)
            kinds = (output, self._outputs[self._boxes])
            return decoded(table, boxes, kinds, self._numbering, self._size, floor)
        least = fit.gate(floor, output)
        if self._rows == "class":
            rows = fit.real(table[table[:, 4] >= least], output)
            number = np.rint(rows[:, 5])
            known = (number >= 0) & (number < self._labels)
            rows, class_id = rows[known], number[known].astype(np.int32)
            confidence = rows[:, 4]
        else:
            rows = fit.real(table[fit.rows_above(table[:, 4:], least)], output)
            class_id, confidence = fit.best(rows[:, 4:])
        return fit.ranked(fit.centres_to_corners(rows[:, :4]) * self._size, confidence, class_id)


def _rows(artifact: Artifact, columns: int) -> str:
    given = artifact.head.get("rows")
    if columns == 6 == 4 + len(artifact.labels) and not given:
        raise ArtifactError(
            f"{artifact.path}: six columns and two labels have two meanings; write the right one into "
            f"{artifact.path.with_suffix('.yaml')}:\n"
            "  head: {rows: class}   box, confidence, class: Ultralytics 8.4\n"
            "  head: {rows: scores}  box, a score for each of the two classes: Ultralytics before"
        )
    fits = {"class": columns == 6, "scores": columns == 4 + len(artifact.labels)}
    if given and not fits[str(given)]:
        raise ArtifactError(
            f"{artifact.path}: head.rows is {given}, which needs {6 if given == 'class' else 4 + len(artifact.labels)} "
            f"columns; the output has {columns}. Correct it in {artifact.path.with_suffix('.yaml')}"
        )
    return str(given) if given else ("class" if fits["class"] else "scores")
