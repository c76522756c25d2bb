"""The few samples of a picture that are looked at: which ones, where a mask is among them, what they make of a box."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.capture.boxes import Box

Point: TypeAlias = tuple[float, float]

SAMPLES = 32_400
"""About as many of each picture: 240x135 of 1080p, where a person of 3 % of the height is four samples high."""
FRACTION = 4
"""Bits behind the point of a mask's corners."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Every `stride`-th pixel in both directions of a picture of width x height that is yet to be turned.

    rotate: by how many degrees clockwise.
    """

    width: int
    height: int
    rotate: int
    stride: int
    top: int
    left: int

    @classmethod
    def of(cls, width: int, height: int, rotate: int) -> Grid:
        stride = max(1, round(sqrt(height * width / SAMPLES)))
        return cls(width, height, rotate, stride, min(stride // 2, height - 1), min(stride // 2, width - 1))

    def view(self, y: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The samples of a Y plane (height, width), whose rows may be padded. Not a copy."""
        return y[self.top :: self.stride, self.left :: self.stride]

    def allowed(self, rows: int, columns: int, masks: Sequence[Sequence[Point]]) -> NDArray[np.bool_]:
        """Boolean (rows, columns), False where a sample lies in a polygon of 0..1 of the rotated picture."""
        masked = np.zeros((rows, columns), np.uint8)
        for polygon in masks:
            corners = np.array([_unturned(x, y, self.rotate) for x, y in polygon], float)
            corners = (corners * (self.width, self.height) - (self.left, self.top)) / self.stride
            fixed = np.round(np.clip(corners, -2, 1 << 14) * (1 << FRACTION)).astype(np.int32)
            cv2.fillPoly(masked, [fixed], 1, shift=FRACTION)
        allowed: NDArray[np.bool_] = masked == 0
        return allowed

    def box(self, left: int, top: int, right: int, bottom: int) -> Box:
        """Of samples, in 0..1 of the rotated picture."""
        across, down = self.stride / self.width, self.stride / self.height
        x1, y1 = max(0.0, left * across), max(0.0, top * down)
        x2, y2 = min(1.0, right * across), min(1.0, bottom * down)
        if not self.rotate:
            return (x1, y1, x2, y2)
        (x1, y1), (x2, y2) = _turned(x1, y1, self.rotate), _turned(x2, y2, self.rotate)
        return (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))


def _turned(x: float, y: float, rotate: int) -> Point:
    """Where a point of 0..1 goes when the picture is turned clockwise."""
    if rotate == 0:
        return (x, y)
    if rotate == 180:
        return (1 - x, 1 - y)
    return (1 - y, x) if rotate == 90 else (y, 1 - x)


def _unturned(x: float, y: float, rotate: int) -> Point:
    return _turned(x, y, (360 - rotate) % 360)
