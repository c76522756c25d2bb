"""Pictures for subscribers: JPEG of at most so many kilobytes. On the outbox's thread, never on a hot one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

QUALITIES = (88, 75, 60, 45)
SMALLEST = 16
"""Sides below this many pixels show nothing."""
_SHRINKS = 12
_DARK, _BRIGHT = (0, 0, 0), (0, 255, 255)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What a snapshot is made of. image: uint8 (h, w, 3) RGB, nobody writes to it any more. box: 0..1 of `image`.

    draw: whether the box is drawn in. max_kb: the largest JPEG wanted, in units of 1000 bytes.
    """

    image: NDArray[np.uint8]
    box: tuple[float, float, float, float] | None = None
    draw: bool = False
    max_kb: int = 100


def encode(picture: Picture) -> bytes:
    """As good as `max_kb` allows: first the quality gives way, then the size.

    Raises ValueError for what is no picture, or when nothing legible fits into `max_kb`.
    """
    import cv2

    shape = picture.image.shape
    if picture.image.dtype.name != "uint8" or len(shape) != 3 or shape[2] != 3 or not picture.image.size:
        raise ValueError(f"not a picture: {picture.image.dtype} {shape}, uint8 (h, w, 3) is needed")
    limit = picture.max_kb * 1000
    image: Any = cv2.cvtColor(picture.image, cv2.COLOR_RGB2BGR)
    for _ in range(_SHRINKS):
        shown = _with_box(image, picture.box) if picture.draw and picture.box is not None else image
        size = 0
        for quality in QUALITIES:
            _, data = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, quality])
            size = len(data)
            if size <= limit:
                return data.tobytes()
        factor = min(0.9, math.sqrt(limit / size))
        height, width = (round(side * factor) for side in image.shape[:2])
        if min(height, width) < SMALLEST:
            break
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    raise ValueError(f"a picture of {shape[1]}x{shape[0]} does not fit into {picture.max_kb} kB: raise `max_kb`")


def _with_box(image: Any, box: tuple[float, float, float, float]) -> Any:
    """A copy with the box: bright within dark, so that it is seen on any ground."""
    import cv2

    height, width = image.shape[:2]
    thin = max(1, round(min(height, width) / 240))
    x1, x2 = (round(min(max(x, 0.0), 1.0) * (width - 1)) for x in (box[0], box[2]))
    y1, y2 = (round(min(max(y, 0.0), 1.0) * (height - 1)) for y in (box[1], box[3]))
    copy = image.copy()
    cv2.rectangle(copy, (x1, y1), (x2, y2), _DARK, 3 * thin)
    cv2.rectangle(copy, (x1, y1), (x2, y2), _BRIGHT, thin)
    return copy
