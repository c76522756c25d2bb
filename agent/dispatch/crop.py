"""A part of a picture, and of its rotation: views on the planes, nothing copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.capture.frame import Picture
from agent.perception.facts import WHOLE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from agent.perception.facts import Box


def crop_of(picture: Picture, rotate: int, box: Box) -> tuple[Picture, Box]:
    """What of the stored picture shows `box`, which is in 0..1 of the rotated one, and the box it really is.

    rotate: degrees clockwise, still to be applied. Edges go to the nearest pair of pixels, for chroma comes in pairs.
    """
    if box == WHOLE:
        return picture, WHOLE
    height, width = picture.y.shape
    chroma = picture.uv if picture.uv is not None else picture.u
    across = down = 1
    if chroma is not None:
        down, across = round(height / chroma.shape[0]), round(width / chroma.shape[1])
    x1, y1, x2, y2 = stored(box, rotate)
    left, right = _edges(x1, x2, width)
    top, bottom = _edges(y1, y2, height)

    def part(plane: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
        return None if plane is None else plane[top // down : -(-bottom // down), left // across : -(-right // across)]

    found = Picture(
        picture.y[top:bottom, left:right],
        part(picture.u),
        part(picture.v),
        part(picture.uv),
        picture.full_range,
        picture.owner,
        picture.bt709,
    )
    return found, shown((left / width, top / height, right / width, bottom / height), rotate)


def stored(box: Box, rotate: int) -> Box:
    """Where a box of the rotated picture is in the one that is stored."""
    x1, y1, x2, y2 = box
    if rotate == 90:
        return y1, 1 - x2, y2, 1 - x1
    if rotate == 180:
        return 1 - x2, 1 - y2, 1 - x1, 1 - y1
    if rotate == 270:
        return 1 - y2, x1, 1 - y1, x2
    return box


def shown(box: Box, rotate: int) -> Box:
    """Where a box of the stored picture is in the rotated one."""
    return stored(box, (360 - rotate) % 360)


def _edges(first: float, last: float, size: int) -> tuple[int, int]:
    """Even pixels, at least two of them, within the picture; its own last edge is kept where it is odd."""
    length = max(2, round((last - first) * size / 2) * 2)
    start = max(0, round(first * size / 2) * 2)
    end = start + length if size - start - length > 1 else size
    return min(start, max(0, (end - 2) // 2 * 2)), end
