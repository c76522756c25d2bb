"""Which detection is which track: by overlap, then by height, never across classes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import lap
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU of each box of a (n, 4) with each of b (m, 4): (n, m), 0..1."""
    (left, top, right, bottom), (x1, y1, x2, y2) = a.T[:, :, None], b.T
    width = np.minimum(right, x2) - np.maximum(left, x1)
    height = np.minimum(bottom, y2) - np.maximum(top, y1)
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    either = (right - left) * (bottom - top) + (x2 - x1) * (y2 - y1) - shared
    found: NDArray[np.float64] = shared / np.maximum(either, 1e-12)
    return found


def of_height(one: Sequence[float], other: Sequence[float]) -> float:
    """IoU of the heights alone of two boxes, 0..1. Of two who overlap, the one farther away is shorter, or higher up.

    After Mingzhan Yang et al., "Hybrid-SORT: Weak Cues Matter for Online Multi-Object Tracking" (2024), who multiply
    IoU by it. Here it only ranks: as a condition it would take one who is suddenly half hidden for somebody new.
    """
    shared = min(one[3], other[3]) - max(one[1], other[1])
    spanned = max(one[3], other[3]) - min(one[1], other[1])
    return max(shared, 0.0) / max(spanned, 1e-12)


def widened(xyxy: NDArray[np.float64], share: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Boxes with a share (n, 1) of their own size added on each side: what moves fast overlaps again."""
    room = (xyxy[:, 2:] - xyxy[:, :2]) * share
    found: NDArray[np.float64] = xyxy.copy()
    found[:, :2] -= room
    found[:, 2:] += room
    return found


def pairs(
    possible: Sequence[tuple[int, int]],
    shared: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
) -> list[tuple[int, int]]:
    """Of the possible pairs of a box of a (n, 4) and one of b (m, 4), those that belong together, each at most once.

    possible: at least one, in ascending order, of boxes that overlap. shared: the `overlap` of a and b. Theirs is the
    largest sum of overlap times overlap of the heights. Where nobody competes there is nothing to solve.
    """
    row_numbers, column_numbers = zip(*possible, strict=True)
    if len({*row_numbers}) == len(possible) == len({*column_numbers}):
        return [*possible]
    row_of, column_of = Counter(row_numbers), Counter(column_numbers)
    contested = [(i, j) for i, j in possible if row_of[i] > 1 or column_of[j] > 1]
    rows, columns = ([*dict.fromkeys(side)] for side in zip(*contested, strict=True))
    # A pair is worth its score over leaving both alone, which costs 1: what is impossible costs more than that.
    cost = np.full((len(rows), len(columns)), 2.0)
    for i, j in contested:
        cost[rows.index(i), columns.index(j)] = 1 - shared[i, j] * of_height(a[i].tolist(), b[j].tolist())
    _, of_row, _ = lap.lapjv(cost, extend_cost=True, cost_limit=1.0)
    solved = {(row, columns[column]) for row, column in zip(rows, of_row.tolist(), strict=True) if column >= 0}
    undisputed = set(possible).difference(contested)
    return [pair for pair in possible if pair in undisputed or pair in solved]
