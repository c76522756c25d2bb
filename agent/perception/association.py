"""Which detection is which track: by overlap, then by height, never across classes."""

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


def of_height(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU of the heights alone: (n, m), 0..1. Of two who overlap, the one farther away is the shorter, or higher up.

    After Mingzhan Yang et al., "Hybrid-SORT: Weak Cues Matter for Online Multi-Object Tracking" (2024), who multiply
    IoU by it. Here it only ranks: as a condition it would take one who is suddenly half hidden for somebody new.
    """
    shared = np.minimum(a[:, None, 3], b[:, 3]) - np.maximum(a[:, None, 1], b[:, 1])
    spanned = np.maximum(a[:, None, 3], b[:, 3]) - np.minimum(a[:, None, 1], b[:, 1])
    found: NDArray[np.float64] = np.maximum(shared, 0) / np.maximum(spanned, 1e-12)
    return found


def widened(xyxy: NDArray[np.float64], share: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Boxes with a share (n, 1) of their own size added on each side: what moves fast overlaps again."""
    room = (xyxy[:, 2:] - xyxy[:, :2]) * share
    found: NDArray[np.float64] = xyxy.copy()
    found[:, :2] -= room
    found[:, 2:] += room
    return found


def pairs(possible: NDArray[np.bool_], score: NDArray[np.float64]) -> Pairs:
    """Rows and columns that belong together, each at most once, only where possible: the largest sum of scores, 0..1.

    Where nobody competes there is nothing to solve, which is nearly always.
    """
    rows, columns = np.nonzero(possible)
    if len(rows) == 0:
        return _NONE, _NONE
    if possible.sum(axis=1).max() == 1 and possible.sum(axis=0).max() == 1:
        return rows, columns
    # A pair is worth its score over leaving both alone, which costs 1: what is impossible costs more than that.
    _, of_row, _ = lap.lapjv(np.where(possible, 1 - score, 2.0), extend_cost=True, cost_limit=1.0)
    rows = np.flatnonzero(of_row >= 0)
    columns = of_row[rows].astype(np.intp)
    fits = possible[rows, columns]
    return rows[fits], columns[fits]
