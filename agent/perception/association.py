"""Which detection is which track: by overlap, never across classes, the best sum of all pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lap
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]

_NONE = np.empty(0, np.intp)


def overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU of each box of a (n, 4) with each of b (m, 4): (n, m), 0..1."""
    width = np.minimum(a[:, None, 2], b[:, 2]) - np.maximum(a[:, None, 0], b[:, 0])
    height = np.minimum(a[:, None, 3], b[:, 3]) - np.maximum(a[:, None, 1], b[:, 1])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    area_a = (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
    area_b = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    found: NDArray[np.float64] = shared / np.maximum(area_a[:, None] + area_b - shared, 1e-12)
    return found


def widened(xyxy: NDArray[np.float64], share: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Boxes with a share (n, 1) of their own size added on each side: what moves fast overlaps again."""
    room = (xyxy[:, 2:] - xyxy[:, :2]) * share
    found: NDArray[np.float64] = xyxy.copy()
    found[:, :2] -= room
    found[:, 2:] += room
    return found


def pairs(score: NDArray[np.float64], least: float) -> Pairs:
    """Rows and columns that belong together, each at most once, none below `least`: the largest sum of scores.

    Where nobody competes there is nothing to solve, which is nearly always.
    """
    possible = score >= least
    rows, columns = np.nonzero(possible)
    if len(rows) == 0:
        return _NONE, _NONE
    if possible.sum(axis=1).max() == 1 and possible.sum(axis=0).max() == 1:
        return rows, columns
    cost = np.where(possible, 1 - score, 2.0)
    _, of_row, _ = lap.lapjv(cost, extend_cost=True, cost_limit=1 - least + 1e-9)
    rows = np.flatnonzero(of_row >= 0)
    columns = of_row[rows].astype(np.intp)
    fits = possible[rows, columns]
    return rows[fits], columns[fits]
