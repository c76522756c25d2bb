"""How several looks at one frame become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backends.detections import Detections

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from agent.perception.facts import Box

_SAME = 0.5
"""IoU from which detections of one class in two looks are one object."""
_PART = 0.65
"""Share of a cut box that lies in another one of its class, from which it is a part of that."""
_EDGE = 0.015
"""Of the crop's size: a box that ends this near to its edge is cut by it."""


def merge(looks: Iterable[tuple[Box, Detections]]) -> Detections:
    """What several looks at one frame have shown, best confidence first, each object once.

    looks: the crop, and what was seen in it, both in 0..1 of the whole picture. A box that ends at an edge of its crop
    (not of the picture) may be a part of an object: it yields to one that is not cut, whatever their confidences.
    Detections of one and the same look stay as the model has told them apart.
    """
    looks = list(looks)
    if len(looks) == 1:
        return looks[0][1]
    xyxy = np.concatenate([seen.xyxy for _, seen in looks])
    confidence = np.concatenate([seen.confidence for _, seen in looks])
    class_id = np.concatenate([seen.class_id for _, seen in looks])
    cut = np.concatenate([_cut(crop, seen.xyxy) for crop, seen in looks])
    look = np.repeat(np.arange(len(looks)), [len(seen) for _, seen in looks])
    order = np.lexsort((-confidence, cut))
    kept: list[int] = []
    alive = np.ones(len(order), np.bool_)
    for i in order.tolist():
        if not alive[i]:
            continue
        kept.append(i)
        shared, own, joint = _overlap(xyxy[i], xyxy)
        same = shared >= _SAME * joint
        part = cut & (shared >= _PART * own)
        alive &= ~((same | part) & (class_id == class_id[i]) & (look != look[i]) & (own > 0))
    rows = np.array(sorted(kept, key=lambda i: -confidence[i]), np.intp)
    return Detections(xyxy[rows], confidence[rows], class_id[rows])


def _cut(crop: Box, xyxy: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,): whether a box ends at an edge of its crop that is not one of the picture."""
    x1, y1, x2, y2 = crop
    near_x, near_y = _EDGE * (x2 - x1), _EDGE * (y2 - y1)
    inner = np.array([x1 > 0, y1 > 0, x2 < 1, y2 < 1])
    at_edge = np.abs(xyxy - np.array(crop, np.float32)) <= np.array([near_x, near_y] * 2, np.float32)
    found: NDArray[np.bool_] = (at_edge & inner).any(axis=1)
    return found


def _overlap(
    one: NDArray[np.float32], xyxy: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """(n,) each: what `one` shares with each box, the box's own area, and that of both together."""
    sides = np.minimum(one[2:], xyxy[:, 2:]) - np.maximum(one[:2], xyxy[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    own = np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1)
    return shared, own, own + np.prod(one[2:] - one[:2]) - shared
