"""A YUV picture into a slot: each plane is resized, then converted to RGB at the model's size.

Nothing is ever made in full-size RGB (rule 1 of the hot path). The only import of cv2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from agent.dispatch.letterbox import Placement, place

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.capture.frame import Picture

cv2.setNumThreads(1)  # the cores belong to inference and decode

_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_LUMA_TO_FULL = np.clip(np.round((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
_CHROMA_TO_FULL = np.clip(np.round((np.arange(256) - 128) * (255 / 224) + 128), 0, 255).astype(np.uint8)


class Scaler:
    """For one model: its input size, resize mode and padding value. Keeps its working buffers between frames."""

    def __init__(self, input_width: int, input_height: int, resize: str, pad: int) -> None:
        self._input = (input_width, input_height)
        self._resize = resize
        self._pad = pad
        self._i420: dict[tuple[int, int], NDArray[np.uint8]] = {}

    def scale(self, picture: Picture, rotate: int, image: NDArray[np.uint8]) -> Placement:
        """Fills `image`, uint8 (height, width, 3) RGB, with the picture, rotated clockwise; returns where it lies."""
        height, width = picture.y.shape
        if rotate in {90, 270}:
            width, height = height, width
        placement = place(width, height, *self._input, self._resize)
        if (placement.width, placement.height) != self._input:
            image[:] = self._pad
        bottom, right = placement.top + placement.height, placement.left + placement.width
        target = image[placement.top : bottom, placement.left : right]
        if rotate == 0:
            self._to_rgb(picture, target)
            return placement
        turned = rotate in {90, 270}
        shape = (placement.width, placement.height, 3) if turned else (placement.height, placement.width, 3)
        upright = np.empty(shape, np.uint8)
        self._to_rgb(picture, upright)
        cv2.rotate(upright, _ROTATIONS[rotate], dst=target)
        return placement

    def _to_rgb(self, picture: Picture, target: NDArray[np.uint8]) -> None:
        height, width = target.shape[:2]
        if picture.full_range or height % 2 or width % 2:
            _full_range_to_rgb(picture, target)
        else:
            self._limited_to_rgb(picture, target)

    def _limited_to_rgb(self, picture: Picture, target: NDArray[np.uint8]) -> None:
        """BT.601 16..235, as nearly every camera sends it: through I420 at the target's even size."""
        height, width = target.shape[:2]
        i420 = self._i420.get((height, width))
        if i420 is None:
            i420 = self._i420.setdefault((height, width), np.empty((height * 3 // 2, width), np.uint8))
        cv2.resize(picture.y, (width, height), dst=i420[:height], interpolation=cv2.INTER_LINEAR)
        chroma = i420[height:].reshape(2, height // 2, width // 2)
        for plane, resized in zip(_chroma(picture), chroma, strict=True):
            if plane is None:
                resized[:] = 128
            else:
                cv2.resize(plane, (width // 2, height // 2), dst=resized, interpolation=cv2.INTER_LINEAR)
        cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420, dst=target)


def _chroma(picture: Picture) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint8] | None]:
    if picture.uv is None:
        return picture.u, picture.v
    u, v = cv2.split(picture.uv)
    return u, v  # type: ignore[return-value]  # cv2's stubs know no dtype


def _full_range_to_rgb(picture: Picture, target: NDArray[np.uint8]) -> None:
    """JPEG's 0..255, and odd sizes: through YCrCb with all planes at the target's size."""
    height, width = target.shape[:2]
    planes: list[Any] = []
    u, v = _chroma(picture)
    for plane, table in ((picture.y, _LUMA_TO_FULL), (v, _CHROMA_TO_FULL), (u, _CHROMA_TO_FULL)):
        if plane is None:
            planes.append(np.full((height, width), 128, np.uint8))
            continue
        resized = cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
        planes.append(resized if picture.full_range else cv2.LUT(resized, table))
    cv2.cvtColor(cv2.merge(planes), cv2.COLOR_YCrCb2RGB, dst=target)
