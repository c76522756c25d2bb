"""Which detection is which track: by overlap, then by height, never across classes."""

from __future__ import annotations

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


def of_height(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU of the heights alone: (n, m), 0..1. Of two who overlap, the one farther away is the shorter, or higher up.

    After Mingzhan Yang et al., "Hybrid-SORT: Weak Cues Matter for Online Multi-Object Tracking" (2024), who multiply
    IoU by it. Here it only ranks: as a condition it would take one who is suddenly half hidden for somebody new.
    """
    top, bottom = a[:, 1, None], a[:, 3, None]
    shared = np.minimum(bottom, b[:, 3]) - np.maximum(top, b[:, 1])
    spanned = np.maximum(bottom, b[:, 3]) - np.minimum(top, b[:, 1])
    found: NDArray[np.float64] = np.maximum(shared, 0) / np.maximum(spanned, 1e-12)
    return found


def widened(xyxy: NDArray[np.float64], share: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Boxes with a share (n, 1) of their own size added on each side: what moves fast overlaps again."""
    room = (xyxy[:, 2:] - xyxy[:, :2]) * share
    found: NDArray[np.float64] = xyxy.copy()
    found[:, :2] -= room
    found[:, 2:] += room
    return found


def pairs(possible: Sequence[tuple[int, int]], a: NDArray[np.float64], b: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Of the possible pairs of a box of a (n, 4) and one of b (m, 4), those that belong together, each at most once.

    possible: at least one, in ascending order. Theirs is the largest sum of overlap times overlap of the heights.
    Where nobody competes there is nothing to solve, which is nearly always.
    """
    rows, columns = (
        {number: place for place, number in enumerate(dict.fromkeys(side))} for side in zip(*possible, strict=True)
    )
    if len(rows) == len(columns) == len(possible):
        return [*possible]
    boxes, others = a[[*rows]], b[[*columns]]
    worth = overlap(boxes, others) * of_height(boxes, others)
    # A pair is worth its score over leaving both alone, which costs 1: what is impossible costs more than that.
    cost = np.full_like(worth, 2.0)
    at = [rows[i] for i, _ in possible], [columns[j] for _, j in possible]
    cost[at] = 1 - worth[at]
    _, of_row, _ = lap.lapjv(cost, extend_cost=True, cost_limit=1.0)
    allowed, names = set(possible), [*columns]
    solved = ((row, names[column]) for row, column in zip(rows, of_row.tolist(), strict=True) if column >= 0)
    return [pair for pair in solved if pair in allowed]
