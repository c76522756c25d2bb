"""Crops of the scaler: the same as cutting first, at any rotation, and the way back leads to the whole picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.dispatch.crop import crop_of, shown, stored
from agent.dispatch.scaler import Scaler
from agent.perception.facts import WHOLE, Box
from tests.support.pictures import FORMATS, decoded, noise, stored_as

ROTATIONS = [0, 90, 180, 270]


def test_the_whole_picture_is_planes_resized_and_nothing_else() -> None:
    """Bit for bit what rule 1 of the hot path says, whatever can be done for crops."""
    made = decoded(noise(768, 576))
    assert made.u is not None
    assert made.v is not None
    i420 = np.empty((450, 300), np.uint8)
    i420[:300] = cv2.resize(made.y, (300, 300), interpolation=cv2.INTER_LINEAR)
    for n, plane in enumerate((made.u, made.v)):
        resized = cv2.resize(plane, (150, 150), interpolation=cv2.INTER_LINEAR)
        i420[300 + 75 * n : 375 + 75 * n] = resized.reshape(75, 300)
    image = np.zeros((300, 300, 3), np.uint8)
    placement = Scaler(300, 300, "stretch", 0).scale(made, 0, image)
    assert placement.crop == WHOLE
    assert (image == cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420)).all()


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("rotate", ROTATIONS)
def test_a_crop_of_the_models_size_is_those_pixels(pixel_format: str, rotate: int) -> None:
    made = stored_as(decoded(noise(800, 600), pixel_format), rotate)
    image, whole = np.zeros((200, 320, 3), np.uint8), np.zeros((600, 800, 3), np.uint8)
    box = (100 / 800, 50 / 600, 420 / 800, 250 / 600)
    placement = Scaler(320, 200, "stretch", 0).scale(made, rotate, image, box)
    Scaler(800, 600, "stretch", 0).scale(made, rotate, whole)
    assert placement.crop == pytest.approx(box)
    inner = slice(2, -2)  # where chroma has the same neighbours
    assert (image[inner, inner] == whole[50:250, 100:420][inner, inner]).all()


def test_crops_are_views_and_odd_edges_of_the_picture_stay() -> None:
    made = decoded(noise(577, 433))
    part, crop = crop_of(made, 0, (0.5, 0.5, 1.0, 1.0))
    assert part.u is not None
    assert np.shares_memory(part.y, made.y)
    assert part.y.shape == (217, 289)
    assert part.u.shape == (109, 145)
    assert crop[2:] == (1.0, 1.0)


unit = st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(unit, unit, unit, unit, st.sampled_from(ROTATIONS), st.integers(3, 70), st.integers(3, 70))
def test_any_box_gives_a_part_of_the_picture_near_it(
    ax: float, ay: float, bx: float, by: float, rotate: int, width: int, height: int
) -> None:
    made = decoded(noise(width, height))
    box = (min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
    part, crop = crop_of(made, rotate, box)
    assert min(part.y.shape) >= 2
    assert 0 <= crop[0] < crop[2] <= 1
    assert 0 <= crop[1] < crop[3] <= 1
    if box != WHOLE:
        assert np.abs(np.subtract(crop, box)).max() <= 4.01 / min(width, height)  # a pair, and an odd last row
    image = np.zeros((64, 64, 3), np.uint8)
    assert Scaler(64, 64, "letterbox", 7).scale(made, rotate, image, box).crop == crop


@pytest.mark.parametrize("rotate", ROTATIONS)
def test_turning_a_box_and_back(rotate: int) -> None:
    box: Box = (0.1, 0.2, 0.5, 0.9)
    assert shown(stored(box, rotate), rotate) == pytest.approx(box)


@pytest.mark.parametrize("rotate", ROTATIONS)
@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_what_is_seen_in_a_crop_is_where_it_is_in_the_picture(rotate: int, resize: str) -> None:
    rgb = np.zeros((600, 800, 3), np.uint8)
    rgb[320:360, 500:520] = 255
    image = np.zeros((256, 256, 3), np.uint8)
    made = stored_as(decoded(rgb), rotate)
    placement = Scaler(256, 256, resize, 0).scale(made, rotate, image, (0.5, 0.4, 0.9, 0.9))
    ys, xs = np.nonzero(image[..., 1] > 128)
    found = placement.to_picture(np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], np.float32))
    np.testing.assert_allclose(found[0], [500 / 800, 320 / 600, 520 / 800, 360 / 600], atol=0.003)
    edges = placement.to_picture(np.array([[-50, -50, 500, 500]], np.float32))
    np.testing.assert_allclose(edges[0], placement.crop, atol=1e-6)
