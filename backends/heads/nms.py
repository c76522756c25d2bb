"""Class-aware non-maximum suppression, vectorised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCK = 256


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
    order = np.argsort(-confidence, kind="stable")
    kept = order[:0]
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        if kept.size:
            block = block[~_overlapping(xyxy, class_id, kept, block, iou, class_agnostic).any(axis=0)]
        kept = np.concatenate((kept, block[_survivors(xyxy, class_id, block, iou, class_agnostic)]))
        if kept.size >= limit:
            break
    return kept[:limit]


def _survivors(
    xyxy: NDArray[np.float32],
    class_id: NDArray[np.int32],
    block: NDArray[np.intp],
    iou: float,
    class_agnostic: bool,
) -> NDArray[np.bool_]:
    beats: NDArray[np.bool_] = np.triu(_overlapping(xyxy, class_id, block, block, iou, class_agnostic), 1)
    keep: NDArray[np.bool_] = ~np.any(beats, axis=0)
    if keep.all():
        return keep
    while True:
        nearer: NDArray[np.bool_] = ~np.any(beats[keep], axis=0)
        if np.array_equal(nearer, keep):
            return keep
        keep = nearer


def _overlapping(
    xyxy: NDArray[np.float32],
    class_id: NDArray[np.int32],
    left: NDArray[np.intp],
    right: NDArray[np.intp],
    iou: float,
    class_agnostic: bool,
) -> NDArray[np.bool_]:
    """(len(left), len(right)): whether the two boxes overlap by more than `iou`."""
    a, b = xyxy[left].T[:, :, None], xyxy[right].T[:, None, :]
    width = np.minimum(a[2], b[2]) - np.maximum(a[0], b[0])
    height = np.minimum(a[3], b[3]) - np.maximum(a[1], b[1])
    inner = np.maximum(width, 0) * np.maximum(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner
    much: NDArray[np.bool_] = inner > np.float32(iou) * union
    if not class_agnostic:
        much &= class_id[left][:, None] == class_id[right][None, :]
    return much
