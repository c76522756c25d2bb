"""Few boxes out of many: what overlaps becomes one, and where there are still too many, what lies closest does."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

Box: TypeAlias = tuple[float, float, float, float]
"""x1, y1, x2, y2 in 0..1 of the whole (rotated) picture."""
MOST = 16


def joined(boxes: Iterable[Box], most: int = MOST) -> tuple[Box, ...]:
    """At most `most` boxes that together cover all of `boxes`."""
    few: list[Box] = []
    for box in boxes:
        new, apart = box, []
        for other in few:
            if new[0] <= other[2] and other[0] <= new[2] and new[1] <= other[3] and other[1] <= new[3]:
                new = _union(new, other)
            else:
                apart.append(other)
        few = [*apart, new]
    while len(few) > most:
        few = _without_the_closest_pair(few)
    return tuple(few)


def _union(one: Box, other: Box) -> Box:
    return (min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3]))


def _without_the_closest_pair(boxes: list[Box]) -> list[Box]:
    """Joins the two whose union covers the least that neither of them does."""
    a = np.array(boxes)
    low, high = np.minimum(a[:, None, :2], a[None, :, :2]), np.maximum(a[:, None, 2:], a[None, :, 2:])
    area = np.prod(a[:, 2:] - a[:, :2], axis=1)
    growth = np.prod(high - low, axis=2) - area[:, None] - area[None]
    np.fill_diagonal(growth, np.inf)
    i, j = divmod(int(np.argmin(growth)), len(boxes))
    rest = [box for n, box in enumerate(boxes) if n not in {i, j}]
    return [*rest, _union(boxes[i], boxes[j])]
