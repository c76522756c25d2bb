"""The scaler against full-size conversion with swscale: the same picture within the noise of two roundings."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from agent.capture.frame import Picture
from agent.capture.pyav import picture_of
from agent.dispatch.scaler import Scaler


def scene(width: int, height: int) -> NDArray[np.uint8]:
    """Smooth colours and a few shapes: resizing and converting commute on it, but for rounding."""
    ys, xs = np.mgrid[:height, :width]
    rgb = np.stack([255 * xs / width, 255 * ys / height, 255 * (1 - xs / width)], axis=2).astype(np.uint8)
    cv2.rectangle(rgb, (width // 8, height // 8), (width // 3, height // 2), (220, 30, 30), -1)
    cv2.circle(rgb, (width * 2 // 3, height * 2 // 3), height // 5, (20, 200, 40), -1)
    return rgb


def picture(rgb: NDArray[np.uint8], pixel_format: str, *, full_range: bool = False) -> Picture:
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    target = "JPEG" if full_range else "MPEG"
    return picture_of(frame.reformat(format=pixel_format, dst_color_range=target))


def scaled(
    made: Picture, rotate: int = 0, resize: str = "stretch", size: tuple[int, int] = (300, 300)
) -> NDArray[np.uint8]:
    image = np.zeros((size[1], size[0], 3), np.uint8)
    Scaler(*size, resize, 114).scale(made, rotate, image)
    return image


@pytest.mark.parametrize(
    ("pixel_format", "full_range"),
    [
        ("yuv420p", False),
        ("yuv422p", False),
        ("yuv444p", False),
        ("nv12", False),
        ("yuvj420p", True),
        ("yuvj422p", True),
    ],
)
@pytest.mark.parametrize("size", [(300, 300), (320, 256), (299, 301)])
def test_all_formats_give_the_picture(pixel_format: str, full_range: bool, size: tuple[int, int]) -> None:
    rgb = scene(768, 576)
    image = scaled(picture(rgb, pixel_format, full_range=full_range), size=size)
    expected = cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR)
    difference = np.abs(image.astype(int) - expected.astype(int))
    assert difference.mean() < 3
    assert np.percentile(difference, 95) < 12  # chroma at half size bleeds over hard edges


def test_gray() -> None:
    image = scaled(picture(scene(640, 480), "gray"))
    assert np.abs(image[..., 0].astype(int) - image[..., 2].astype(int)).max() <= 1


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_rotation_is_clockwise(rotate: int) -> None:
    rgb = scene(768, 576)
    image = scaled(picture(rgb, "yuv420p"), rotate, "letterbox", (320, 320))
    turned = np.ascontiguousarray(np.rot90(rgb, -rotate // 90))
    expected = scaled(picture(turned, "yuv420p"), 0, "letterbox", (320, 320))
    assert np.abs(image.astype(int) - expected.astype(int)).mean() < 2


def test_a_letterbox_is_padded_on_both_sides_every_time() -> None:
    image = np.zeros((640, 640, 3), np.uint8)
    scaler = Scaler(640, 640, "letterbox", 114)
    placement = scaler.scale(picture(scene(768, 576), "yuv420p"), 0, image)
    assert (placement.top, placement.height) == (80, 480)
    assert (image[:80] == 114).all()
    assert (image[560:] == 114).all()
    tall = scaler.scale(picture(scene(480, 640), "yuv420p"), 0, image)
    assert (image[:, : tall.left] == 114).all()


def test_padded_rows_of_the_decoder_are_not_picture() -> None:
    made = picture(scene(770, 578), "yuv420p")
    assert made.y.strides[0] > made.y.shape[1]
    expected = cv2.resize(scene(770, 578), (300, 300), interpolation=cv2.INTER_LINEAR)
    assert np.abs(scaled(made).astype(int) - expected.astype(int)).mean() < 3
