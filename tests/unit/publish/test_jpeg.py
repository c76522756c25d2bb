from __future__ import annotations

import cv2
import numpy as np
import pytest

from agent.publish.jpeg import QUALITIES, SMALLEST, Picture, encode


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def decoded(jpeg: bytes) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_colours_stay_what_they_are() -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    image[:] = (200, 40, 90)
    shown = decoded(encode(Picture(image)))
    assert shown.shape == image.shape
    assert np.abs(shown.astype(int) - image).max() < 6


@pytest.mark.parametrize(
    ("shape", "max_kb", "scaled"),
    [
        ((360, 640), 1000, False),
        ((360, 640), 180, False),
        ((360, 640), 30, True),
        ((720, 1280), 10, True),
        ((16, 900), 30, False),
    ],
)
def test_the_limit_is_kept_by_quality_first_then_by_size(shape: tuple[int, int], max_kb: int, scaled: bool) -> None:
    jpeg = encode(Picture(noise(*shape), max_kb=max_kb))
    assert len(jpeg) <= max_kb * 1000
    height, width = decoded(jpeg).shape[:2]
    assert ((height, width) != shape) == scaled
    assert height / width == pytest.approx(shape[0] / shape[1], rel=0.05)


@pytest.mark.parametrize("ground", [0, 128, 255])
def test_a_box_is_seen_on_any_ground_and_leaves_the_pixels_alone(ground: int) -> None:
    image = np.full((240, 320, 3), ground, np.uint8)
    plain, boxed = (decoded(encode(Picture(image, (0.25, 0.25, 0.75, 0.75), draw))) for draw in (False, True))
    changed = np.abs(plain.astype(int) - boxed).max(axis=2) > 60
    rows, columns = np.nonzero(changed)
    assert rows.min() == pytest.approx(60, abs=4)
    assert columns.max() == pytest.approx(239, abs=4)
    assert not changed[90:150, 110:210].any()
    assert (image == ground).all()


def test_a_box_beyond_the_picture_is_cut() -> None:
    assert encode(Picture(noise(40, 40), (-1.0, -0.5, 2.0, 1.5), draw=True))


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros((4, 4), np.uint8), r"uint8 \(h, w, 3\) is needed"),
        (np.zeros((0, 4, 3), np.uint8), "not a picture"),
        (np.zeros((4, 4, 3), np.float32), "not a picture: float32"),
        (noise(SMALLEST, 4000), "raise `max_kb`"),
    ],
)
def test_what_is_no_picture_is_named(image: np.ndarray, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        encode(Picture(image, max_kb=1))


def test_the_better_quality_is_tried_first() -> None:
    assert list(QUALITIES) == sorted(QUALITIES, reverse=True)
    assert len(encode(Picture(noise(100, 100), max_kb=100))) > len(encode(Picture(noise(100, 100), max_kb=9)))
