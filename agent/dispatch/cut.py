"""The pixels of one object, or of the whole picture, out of the decoder's picture and small enough to be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.dispatch.crop import crop_of
from agent.dispatch.privacy import black_out
from agent.dispatch.result import Pixels
from agent.dispatch.scaler import rotated_rgb
from agent.perception.facts import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.capture.frame import Frame
    from agent.perception.facts import Box, Polygon

ROOM = 0.15
"""What is shown around an object, in shares of its own width and height."""
LONGEST_CROP, LONGEST_WHOLE = 640, 1280
_SHARP = 0.15
"""Detail that is half the way to the best. The people in vtest.avi: 0.3 to 1.2; blurred, sigma 1.5: 0.01 to 0.04."""


def whole_view(frame: Frame, private: Sequence[Polygon]) -> NDArray[np.uint8]:
    return _cut(frame, WHOLE, LONGEST_WHOLE, private)[0]


def crop_view(frame: Frame, box: Box, private: Sequence[Polygon]) -> Pixels:
    """The object with some room around it. box: 0..1 of the rotated picture."""
    x1, y1, x2, y2 = box
    dx, dy = ROOM * (x2 - x1), ROOM * (y2 - y1)
    wide = (max(0.0, x1 - dx), max(0.0, y1 - dy), min(1.0, x2 + dx), min(1.0, y2 + dy))
    image, crop = _cut(frame, wide, LONGEST_CROP, private)
    return Pixels(image, within(box, crop), whole=False)


def within(box: Box, crop: Box) -> Box:
    """A box of the picture as one of its crop, cut to it."""
    x1, y1, x2, y2 = crop
    width, height = x2 - x1, y2 - y1
    found = ((box[0] - x1) / width, (box[1] - y1) / height, (box[2] - x1) / width, (box[3] - y1) / height)
    left, top, right, bottom = (min(max(edge, 0.0), 1.0) for edge in found)
    return left, top, right, bottom


def _cut(frame: Frame, box: Box, longest: int, private: Sequence[Polygon]) -> tuple[NDArray[np.uint8], Box]:
    """RGB of what `box` shows, never enlarged, and what it really shows."""
    part, crop = crop_of(frame.picture, frame.rotate, box)
    height, width = part.y.shape
    if frame.rotate in {90, 270}:
        width, height = height, width
    ratio = min(1.0, longest / max(width, height))
    image = np.empty((_even(height * ratio), _even(width * ratio), 3), np.uint8)
    rotated_rgb(part, frame.rotate, image, np.empty(image.size // 2, np.uint8), exact=True)
    if private:
        black_out(image, private, crop, max(image.shape[1] / width, image.shape[0] / height))
    return image, crop


def _even(size: float) -> int:
    return max(2, round(size / 2) * 2)


def sharpness(frame: Frame, box: Box) -> float:
    """How sharp the object is: 0.5 (not at all) to 1.

    The variance of the luma's Laplacian, relative to that of the luma itself, so that contrast does not count as
    sharpness; of at most 160 x 160 pixels in the middle of the box.
    """
    luma = crop_of(frame.picture, frame.rotate, box)[0].y
    top, left = max(0, luma.shape[0] - 160) // 2, max(0, luma.shape[1] - 160) // 2
    y = luma[top : top + 160, left : left + 160].astype(np.float32)
    if min(y.shape) < 3:
        return 0.5
    middle = y[1:-1, 1:-1]
    laplacian = y[:-2, 1:-1] + y[2:, 1:-1] + y[1:-1, :-2] + y[1:-1, 2:] - 4 * middle
    detail = float(laplacian.var()) / (float(middle.var()) + 16)  # 16: the noise of a flat wall is not detail
    return 0.5 + 0.5 * detail / (detail + _SHARP)
