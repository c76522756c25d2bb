"""What the heads share whose rows are a box, the objectness, and one score per class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.heads import fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backends.contract import Output


def candidates(
    table: NDArray[Any], output: Output, floor: float
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
    """The rows worth a look: their indices, boxes (n, 4) as stored in `output`, confidence and class_id.

    table: (rows, 5 + classes). Confidence is objectness times the best score. No score exceeds 1, so the objectness
    alone, compared as it is stored, rules most rows out.
    """
    picked = np.flatnonzero(table[:, 4] >= fit.gate(floor, output))
    rows = fit.real(table[picked], output)
    class_id, score = fit.best(rows[:, 5:])
    confidence = rows[:, 4] * score
    chosen = np.flatnonzero(confidence >= floor)
    chosen = fit.strongest(chosen, confidence[chosen])
    return picked[chosen], rows[chosen, :4], confidence[chosen], class_id[chosen]
