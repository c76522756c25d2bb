"""Grids of cells over a model's input, and boxes given as distances from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TOGETHER = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32))
"""The strides whose cells a YOLO gives in one tensor."""


def level(height: int, width: int, stride: int) -> tuple[int, int]:
    """Rows and columns of the grid of one stride: what is left of the last cell counts as a cell."""
    return -(-height // stride), -(-width // stride)


def count(height: int, width: int, strides: Sequence[int]) -> int:
    return sum(rows * columns for rows, columns in (level(height, width, stride) for stride in strides))


def grid(
    height: int, width: int, strides: Sequence[int], offset: float = 0.0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The points (n, 2) as x, y in cells, and the stride (n, 1), of each cell: in the order of strides, row by row.

    offset: of the point from the cell's corner; 0.5 is its centre.
    """
    points, sizes = [], []
    for stride in strides:
        rows, columns = level(height, width, stride)
        y, x = np.mgrid[:rows, :columns]
        points.append(np.stack((x.ravel(), y.ravel()), axis=1) + offset)
        sizes.append(np.full((x.size, 1), stride))
    return np.concatenate(points).astype(np.float32), np.concatenate(sizes).astype(np.float32)


def around(points: NDArray[np.float32], strides: NDArray[np.float32], bins: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 4) boxes in pixels whose left, top, right and bottom edges are distributions over `bins`.

    points (n, 2) and strides (n, 1) of `grid`; bins (n, 4 * k): logits of a distance of 0 to k - 1 cells, whose
    expectation counts (Distribution Focal Loss: Li et al., "Generalized Focal Loss", 2020).
    """
    # A column for each edge: NumPy reduces along a long axis many times as fast as along a short one.
    weight = bins.reshape(4 * len(bins), bins.shape[1] // 4).T.copy()
    weight -= weight.max(axis=0)
    np.exp(weight, out=weight)
    distance = np.arange(len(weight), dtype=np.float32) @ weight / weight.sum(axis=0)
    distance = distance.reshape(-1, 4)
    return np.concatenate((points - distance[:, :2], points + distance[:, 2:]), axis=1) * strides
