"""Decoded pictures for tests, as the camera's thread makes them."""

from __future__ import annotations

import av
import numpy as np
from numpy.typing import NDArray

from agent.capture.frame import Frame, Picture
from agent.capture.pyav import picture_of

FORMATS = ["yuv420p", "yuv422p", "yuv444p", "nv12", "yuvj420p", "gray"]


def decoded(rgb: NDArray[np.uint8], pixel_format: str = "yuv420p") -> Picture:
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)
    return picture_of(frame)


def stored_as(picture: Picture, rotate: int) -> Picture:
    """The picture whose rotation by `rotate` degrees clockwise is `picture`."""

    def turned(plane: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
        return None if plane is None else np.ascontiguousarray(np.rot90(plane, rotate // 90))

    y = turned(picture.y)
    assert y is not None
    return Picture(y, turned(picture.u), turned(picture.v), turned(picture.uv), picture.full_range, None, picture.bt709)


def noise(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def frame_of(picture: Picture, rotate: int = 0) -> Frame:
    height, width = picture.y.shape
    if rotate in {90, 270}:
        width, height = height, width
    return Frame("a", 0, picture, width, height, rotate, 0.0, 0.0, 0.0)
