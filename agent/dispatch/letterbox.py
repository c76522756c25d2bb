"""Where a picture lies in a model's input, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Placement:
    """The picture's rectangle in the model's input, pixels: left, top, width, height."""

    left: int
    top: int
    width: int
    height: int

    def to_picture(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 4) of input pixels to 0..1 of the whole picture, clamped."""
        offset, scale = _affine(self)
        found = (xyxy - offset) * scale
        np.maximum(found, 0.0, out=found)
        np.minimum(found, 1.0, out=found)
        return found


@lru_cache(maxsize=256)
def _affine(placement: Placement) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    offset = np.array([placement.left, placement.top] * 2, np.float32)
    return offset, np.array([1 / placement.width, 1 / placement.height] * 2, np.float32)


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
