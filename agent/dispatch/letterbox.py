"""Where a picture, or a crop of it, lies in a model's input, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from agent.perception.facts import WHOLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.perception.facts import Box


@dataclass(frozen=True, slots=True)
class Placement:
    """The rectangle in the model's input, pixels: left, top, width, height; and what of the picture lies in it."""

    left: int
    top: int
    width: int
    height: int
    crop: Box = WHOLE

    def to_picture(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 4) of input pixels to 0..1 of the whole picture, clamped to the crop."""
        offset, scale, least, most = _affine(self)
        found = (xyxy - offset) * scale
        np.maximum(found, least, out=found)
        np.minimum(found, most, out=found)
        return found


_Row: TypeAlias = "NDArray[np.float32]"


@lru_cache(maxsize=256)
def _affine(placement: Placement) -> tuple[_Row, _Row, _Row, _Row]:
    """Offset and scale, with picture = (input - offset) * scale; the least and most of x, y, x, y."""
    x1, y1, x2, y2 = placement.crop
    sx, sy = (x2 - x1) / placement.width, (y2 - y1) / placement.height
    rows = ((placement.left - x1 / sx, placement.top - y1 / sy), (sx, sy), (x1, y1), (x2, y2))
    offset, scale, least, most = (np.array(row * 2, np.float32) for row in rows)
    return offset, scale, least, most


@lru_cache(maxsize=256)
def place(width: int, height: int, input_width: int, input_height: int, resize: str) -> Placement:
    """Where a picture of width x height goes.

    resize: "stretch" fills the input; "letterbox" keeps the aspect and centres, "letterbox_topleft" puts it in the
    corner. Letterboxed edges are even, since chroma comes in pairs.
    """
    if resize == "stretch":
        return Placement(0, 0, input_width, input_height)
    ratio = min(input_width / width, input_height / height)
    inner_width = _even(width * ratio, input_width)
    inner_height = _even(height * ratio, input_height)
    if resize == "letterbox_topleft":
        return Placement(0, 0, inner_width, inner_height)
    return Placement((input_width - inner_width) // 2, (input_height - inner_height) // 2, inner_width, inner_height)


def _even(value: float, limit: int) -> int:
    return max(2, min(round(value / 2) * 2, limit - limit % 2))
