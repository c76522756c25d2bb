"""Class-aware non-maximum suppression, vectorised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 128
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
    more than `iou`. xyxy (n, 4), confidence (n,), class_id (n,); all finite.
    The answer is that of the greedy loop. It goes block by block, best first, so a scene of n boxes costs
    n * kept, not n * n; in a block the keep mask is iterated to its fixed point, which is the greedy answer
    (Cluster-NMS: Zheng et al., "Enhancing Geometric Factors in Model Learning and Inference", 2020).
    """
    order = (-confidence).argsort(kind="stable")
    x1, y1, x2, y2 = edges = np.ascontiguousarray(xyxy[order].T)
    # inner / (one + other - inner) > iou, solved for inner.
    share = (x2 - x1) * (y2 - y1) * np.float32(iou / (1.0 + iou))
    kind = None if class_agnostic else class_id[order]
    kept = np.empty(0, np.intp)
    for start in range(0, len(order), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(order)))
        if kept.size:
            block = block[~_overlapping(edges, share, kind, kept, block).any(axis=0)]
        beats = _overlapping(edges, share, kind, block, block)
        beats &= _LATER[: len(block), : len(block)]
        kept = np.concatenate((kept, block[_survivors(beats)]))
        if kept.size >= limit:
            break
    return order[kept[:limit]]


def _survivors(beats: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Who of a block stays, where beats[i, j] says that i, if it stays, makes j fall."""
    keep: NDArray[np.bool_] = ~np.any(beats, axis=0)
    while not keep.all():
        nearer: NDArray[np.bool_] = ~np.any(beats[keep], axis=0)
        if (nearer == keep).all():
            break
        keep = nearer
    return keep


def _overlapping(
    edges: NDArray[np.float32],
    share: NDArray[np.float32],
    kind: NDArray[np.int32] | None,
    left: NDArray[np.intp],
    right: NDArray[np.intp],
) -> NDArray[np.bool_]:
    """(len(left), len(right)): whether the two boxes overlap by more than the limit that `share` stands for."""
    a, b = edges[:, left, None], edges[:, None, right]
    width = np.minimum(a[2], b[2])
    width -= np.maximum(a[0], b[0])
    height = np.minimum(a[3], b[3])
    height -= np.maximum(a[1], b[1])
    np.maximum(width, 0, out=width)
    # A negative height makes the product negative or zero, and so less than any share.
    width *= height
    much: NDArray[np.bool_] = width > share[left, None] + share[right]
    if kind is not None:
        much &= kind[left, None] == kind[right]
    return much
