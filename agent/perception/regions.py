"""Where to look closely in a picture much larger than the model's input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.perception.facts import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.perception.facts import Box

MOST = 2
"""Looks per frame, the whole picture included."""
_ENOUGH = 1.5
"""A picture at most this much larger than the input is looked at as a whole: a crop would show little more."""
_GAIN = 1.3
"""A crop that does not enlarge what it shows by this against the whole picture is not worth being one."""
_BETTER = 1.25
"""What two crops must gain over one that shows all."""
_ROOM = 0.25
"""Around what has moved, in shares of its own size and at least `_LEAST_ROOM` of the model's input: what moves is
often a part of an object, and a detector wants to see what is around it."""
_LEAST_ROOM = 0.06
_STEPS = 16
"""Crops lie on a grid of so many steps per crop, so that what hardly moves is looked at in the same crop."""


def choose(
    motion: Sequence[Box],
    tracks: Sequence[Box],
    picture: tuple[int, int],
    model_input: tuple[int, int],
    *,
    whole_due: bool,
) -> tuple[Box, ...]:
    """At most `MOST` crops, within the picture, in the aspect of the model's input and never smaller than it.

    Together they show all of `motion` and of `tracks` (predicted boxes) that lies within the picture. The whole
    picture is one of them when it is due, when nothing is to be seen closely, and when what is to be seen is so
    widespread that a crop would not help. picture, model_input: width and height in pixels.
    """
    frame, model = np.array(picture, np.float64), np.array(model_input, np.float64)
    shrunk = float((frame / model).max())
    wanted = _padded([*motion, *tracks], frame, model)
    if shrunk < _ENOUGH or len(wanted) == 0:
        return (WHOLE,)
    small = wanted[_sizes(wanted, model) * _GAIN <= shrunk]
    whole = whole_due or len(small) < len(wanted)
    close = []
    for cluster in _clusters(small, model, MOST - whole):
        around = _around(cluster)
        size = _size(around, model)
        if size * _GAIN <= shrunk:
            close.append(_crop(around, size, frame, model))
        else:
            whole = True
    return (WHOLE, *close) if whole else tuple(close)


def _padded(boxes: Sequence[Box], frame: NDArray[np.float64], model: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4) in pixels, with room around them, cut to the picture; what lies outside of it is left out."""
    if not boxes:
        return np.empty((0, 4))
    found = np.clip(np.array(boxes, np.float64), 0, 1) * np.tile(frame, 2)
    found = found[(found[:, 2:] > found[:, :2]).all(axis=1)]
    room = np.maximum((found[:, 2:] - found[:, :2]) * _ROOM, model * _LEAST_ROOM)
    return np.hstack([np.maximum(found[:, :2] - room, 0), np.minimum(found[:, 2:] + room, frame)])


def _around(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _size(around: NDArray[np.float64], model: NDArray[np.float64]) -> float:
    """By how much what is shown is shrunk to the model's input: its own size at the closest."""
    return max(1.0, float(((around[2:] - around[:2]) / model).max()))


def _clusters(boxes: NDArray[np.float64], model: NDArray[np.float64], most: int) -> list[NDArray[np.float64]]:
    """Parted where that lets all be seen closest, as long as it is worth another look."""
    clusters = [boxes] if len(boxes) else []
    while clusters and len(clusters) < most:
        clusters.sort(key=lambda cluster: _size(_around(cluster), model))
        widest = clusters[-1]
        parts = _parted(widest, model)
        if parts is None:
            break
        clusters[-1:] = parts
    return clusters


def _parted(boxes: NDArray[np.float64], model: NDArray[np.float64]) -> list[NDArray[np.float64]] | None:
    """The two sides of the best cut across or down, None if neither is worth it."""
    one = _size(_around(boxes), model)
    best, parts = one / _BETTER, None
    if one == 1.0 or len(boxes) < 2:
        return None
    for axis in (0, 1):
        ordered = boxes[np.argsort(boxes[:, axis] + boxes[:, axis + 2], kind="stable")]
        before, after = _growing(ordered), _growing(ordered[::-1])[::-1]
        sizes = np.maximum(_sizes(before[:-1], model), _sizes(after[1:], model))
        at = int(sizes.argmin())
        if sizes[at] <= best:
            best, parts = float(sizes[at]), [ordered[: at + 1], ordered[at + 1 :]]
    return parts


def _growing(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4): around the first, around the first two, and so on."""
    least, most = np.minimum.accumulate(boxes[:, :2]), np.maximum.accumulate(boxes[:, 2:])
    return np.hstack([least, most])


def _sizes(around: NDArray[np.float64], model: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.maximum(1.0, ((around[:, 2:] - around[:, :2]) / model).max(axis=1))
    return found


def _crop(around: NDArray[np.float64], size: float, frame: NDArray[np.float64], model: NDArray[np.float64]) -> Box:
    """In the aspect of the model's input where the picture allows, on a grid, and all of `around` in it."""
    size = 1.0 if size == 1.0 else np.ceil(size * 4) / 4
    extent = np.minimum(model * size, frame)
    step = model * size / _STEPS
    corner = np.round(((around[:2] + around[2:]) - extent) / 2 / step) * step
    corner = np.clip(corner, around[2:] - extent, around[:2])
    corner = np.clip(corner, 0, frame - extent)
    x1, y1, x2, y2 = np.concatenate([corner / frame, np.minimum((corner + extent) / frame, 1.0)]).tolist()
    return x1, y1, x2, y2
