"""Class-aware non-maximum suppression, vectorised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST, _BLOCK = 32, 128
"""Boxes that are settled together: few at first, since the best ones of a scene make most others fall."""
_LATER = ~np.tri(_BLOCK, dtype=bool)
"""Of two boxes of a block, whether the first is the better one."""


def nms(
    xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    class_id: NDArray[np.int32],
    iou: float,
    limit: int,
    *,
    class_agnostic: bool = False,
) -> NDArray[np.intp]:
    """Indices of the boxes to keep, best first, at most `limit`.

    A box falls when a kept one of higher confidence (and of its class, unless class_agnostic) overlaps it by
    more than `iou`. xyxy (n, 4), confidence (n,), class_id (n,) below 2**24; all finite.
    The answer is that of the greedy loop. It goes block by block, best first, so a scene of n boxes costs
    n * kept, not n * n; in a block the keep mask is iterated to its fixed point, which is the greedy answer
    (Cluster-NMS: Zheng et al., "Enhancing Geometric Factors in Model Learning and Inference", 2020).
    """
    order = (-confidence).argsort(kind="stable")
    # Each box is a column: x1, y1, x2, y2, its part of the limit (as in `_overlapping`), its class.
    table = np.empty((6, len(order)), np.float32)
    table[:4] = xyxy.T
    table[4] = (table[2] - table[0]) * (table[3] - table[1]) * np.float32(iou / (1.0 + iou))
    table[5] = 0 if class_agnostic else class_id
    table = table.take(order, axis=1)
    kept = np.empty(0, np.intp)
    start, ahead = 0, _FIRST
    while start < len(order) and len(kept) < limit:
        block = np.arange(start, min(start + ahead, len(order)))
        start += ahead
        if len(kept):
            free = ~_overlapping(table.take(kept, axis=1), table[:, block[0] : start]).any(axis=0)
            block = block[free]
            if len(block) > _BLOCK:
                start = int(block[_BLOCK])
                block = block[:_BLOCK]
        if len(block):
            boxes = table.take(block, axis=1)
            beats = _overlapping(boxes, boxes)
            beats &= _LATER[: len(block), : len(block)]
            kept = np.concatenate((kept, block[_survivors(beats)]))
        # Where most fall it pays to look far ahead, and where few do the limit is near.
        ahead = min(4 * ahead, 4 * _BLOCK) if len(block) <= _FIRST else _BLOCK
    return order[kept[:limit]]


def _survivors(beats: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Who of a block stays, where beats[i, j] says that i, if it stays, makes j fall."""
    keep: NDArray[np.bool_] = ~np.logical_or.reduce(beats, axis=0)
    while not keep.all():
        nearer: NDArray[np.bool_] = ~np.logical_or.reduce(beats[keep], axis=0)
        if nearer.tobytes() == keep.tobytes():
            break
        keep = nearer
    return keep


def _overlapping(ones: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(ones, others): whether two columns of the table are of one class and overlap by more than the limit.

    inner / (one + other - inner) > iou, solved for inner, is what is asked.
    """
    a, b = ones[:, :, None], others[:, None]
    sides = np.minimum(a[2:4], b[2:4])
    sides -= np.maximum(a[:2], b[:2])
    width, height = sides
    np.maximum(width, 0, out=width)
    # A negative height makes the product negative or zero, and so less than any limit.
    width *= height
    much: NDArray[np.bool_] = width > a[4] + b[4]
    much &= a[5] == b[5]
    return much
