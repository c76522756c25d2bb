"""Head `boxes`: the model or the chip decodes by itself."""

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


class BoxesHead:
    """(n, 6) or (1, n, 6): x1, y1, x2, y2 in 0..1, confidence, class_id.

    Rows of a class without a label are left out; so are rows of zeros, by their confidence.
    """

    def __init__(self, artifact: Artifact, outputs: Sequence[Output]) -> None:
        self._labels = len(artifact.labels)
        self._index = fit.only(artifact, "one output (n, 6)", outputs, _fits)
        self._output = outputs[self._index]
        check_rows(artifact, self._output, "norm")
        self._size = fit.sized(artifact, "norm")

    @fit.quiet
    def decode(self, outputs: Sequence[NDArray[Any]], floor: float) -> Detections:
        table = outputs[self._index].reshape(-1, 6)
        rows = fit.real(table[table[:, 4] >= fit.gate(floor, self._output)], self._output)
        number = np.rint(rows[:, 5])
        known = (number >= 0) & (number < self._labels)
        rows = rows[known]
        return fit.ranked(rows[:, :4] * self._size, rows[:, 4], number[known].astype(np.int32))


def _fits(shape: tuple[int, ...]) -> bool:
    return shape[-1:] == (6,) and (len(shape) == 2 or (len(shape) == 3 and shape[0] in {1, -1}))
