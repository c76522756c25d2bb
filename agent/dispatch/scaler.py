"""A YUV picture into a slot: each plane is resized, then converted to RGB at the model's size.

Nothing is ever made in full-size RGB (rule 1 of the hot path).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from agent.dispatch.crop import crop_of
from agent.dispatch.letterbox import Placement, place
from agent.dispatch.privacy import black_out
from agent.perception.facts import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.capture.frame import Picture
    from agent.perception.facts import Box, Polygon

cv2.setNumThreads(1)  # the cores belong to inference and decode

_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_LUMA, _CHROMA = (np.arange(256) - 16) * (255 / 219), (np.arange(256) - 128) * (255 / 224) + 128
_TO_FULL = np.clip(np.round(np.stack([_LUMA, _CHROMA, _CHROMA], 1)), 0, 255).astype(np.uint8)[None]
_BT709_FULL = np.array([[1, 1.5748, 0], [1, -0.4681, -0.1873], [1, 0, 1.8556]]) @ np.eye(3, 4)
_BT709_FULL[:, 3] = _BT709_FULL @ [0, -128, -128, 0]
_BT709 = _BT709_FULL * [255 / 219, 255 / 224, 255 / 224, 0]
_BT709[:, 3] = _BT709 @ [-16, -128, -128, 0]
"""From Y, V, U and 1 to R, G, B."""


class Scaler:
    """For one model: its input size, resize mode and padding value. Keeps its working buffer between frames."""

    def __init__(self, input_width: int, input_height: int, resize: str, pad: int) -> None:
        self._input = (input_width, input_height)
        self._resize = resize
        self._pad = pad
        self._buffer = np.empty(input_width * input_height * 3 // 2, np.uint8)

    def scale(
        self, picture: Picture, rotate: int, image: NDArray[np.uint8], box: Box = WHOLE, private: Sequence[Polygon] = ()
    ) -> Placement:
        """Fills `image`, uint8 (height, width, 3) RGB, with a part of the picture, rotated; returns what lies where.

        rotate: degrees clockwise. box: the part, in 0..1 of the rotated picture. private: polygons that become black.
        """
        part, crop = crop_of(picture, rotate, box)
        height, width = part.y.shape
        if rotate in {90, 270}:
            width, height = height, width
        placement = place(width, height, *self._input, self._resize)
        if (placement.width, placement.height) != self._input:
            image[:] = self._pad
        bottom, right = placement.top + placement.height, placement.left + placement.width
        target = image[placement.top : bottom, placement.left : right]
        rotated_rgb(part, rotate, target, self._buffer)
        if private:
            black_out(target, private, crop, max(placement.width / width, placement.height / height))
        return placement if crop == WHOLE else replace(placement, crop=crop)


def rotated_rgb(
    picture: Picture, rotate: int, target: NDArray[np.uint8], buffer: NDArray[np.uint8], *, exact: bool = False
) -> None:
    """Fills `target`, uint8 (h, w, 3), with the picture, resized and rotated clockwise. buffer: uint8 (>= h*w*3/2,).

    exact: of BT.709 too. Models see no difference (docs/cameras.md), and it takes half as long again.
    """
    if rotate == 0:
        _to_rgb(picture, target, buffer, exact)
        return
    height, width = target.shape[:2]
    upright = np.empty((width, height, 3) if rotate in {90, 270} else (height, width, 3), np.uint8)
    _to_rgb(picture, upright, buffer, exact)
    cv2.rotate(upright, _ROTATIONS[rotate], dst=target)


def _to_rgb(picture: Picture, target: NDArray[np.uint8], buffer: NDArray[np.uint8], exact: bool) -> None:
    height, width = target.shape[:2]
    if exact and picture.bt709 and picture.full_range:
        cv2.transform(_full_size(picture, width, height), _BT709_FULL, dst=target)
    elif exact and picture.bt709:
        cv2.transform(_full_size(picture, width, height), _BT709, dst=target)
    elif picture.full_range or height % 2 or width % 2:
        _full_range_to_rgb(picture, target)
    else:
        _limited_to_rgb(picture, target, buffer[: height * width * 3 // 2].reshape(height * 3 // 2, width))


def _limited_to_rgb(picture: Picture, target: NDArray[np.uint8], i420: NDArray[np.uint8]) -> None:
    """BT.601 16..235, as nearly every camera sends it: through I420 at the target's even size."""
    height, width = target.shape[:2]
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
    found = _full_size(picture, width, height)
    if not picture.full_range:
        cv2.LUT(found, _TO_FULL, dst=found)
    cv2.cvtColor(found, cv2.COLOR_YCrCb2RGB, dst=target)


def _full_size(picture: Picture, width: int, height: int) -> Any:
    """Y, V and U of each pixel, as they are coded."""
    u, v = _chroma(picture)
    grey = np.full((height, width), 128, np.uint8)
    planes: list[Any] = [
        grey if plane is None else cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR)
        for plane in (picture.y, v, u)
    ]
    return cv2.merge(planes)
