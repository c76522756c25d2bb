"""What is private leaves no trace: two pictures that differ in it alone give the same pixels, to the last bit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agent.capture.frame import Picture
from agent.dispatch.cut import crop_view, whole_view
from agent.dispatch.scaler import Scaler
from agent.perception.facts import WHOLE, Box, Point, Polygon
from tests.support.pictures import FORMATS, decoded, frame_of, noise, stored_as

WIDTH, HEIGHT = 320, 240
PRIVATE: tuple[Polygon, ...] = (
    ((0.2, 0.2), (0.55, 0.3), (0.5, 0.7), (0.25, 0.6)),
    ((0.8, 0.0), (1.0, 0.0), (1.0, 0.35)),  # up to the corner
    ((0.5, 0.9), (0.9, 0.8), (0.6, 1.0), (0.7, 0.7)),  # and one that is not convex
)
CROPS: tuple[Box, ...] = (WHOLE, (0.1, 0.1, 0.6, 0.7), (0.35, 0.35, 0.45, 0.5), (0.7, 0.0, 1.0, 0.9))


def other_inside(rgb: NDArray[np.uint8], pixel_format: str, private: tuple[Polygon, ...]) -> tuple[Picture, Picture]:
    """A picture, and one in which each sample of a plane that shows any of what is private is another."""
    one, other = decoded(rgb, pixel_format), decoded(rgb, pixel_format)
    inside = np.zeros((HEIGHT, WIDTH), np.uint8)
    for polygon in private:
        points = np.floor(np.array(polygon) * (WIDTH, HEIGHT)).astype(np.int32)
        cv2.fillPoly(inside, [points], 1)
    changed: list[NDArray[np.uint8] | None] = []
    for plane in (other.y, other.u, other.v, other.uv):
        if plane is None:
            changed.append(None)
            continue
        down, across = HEIGHT // plane.shape[0], WIDTH // plane.shape[1]
        here = inside.reshape(plane.shape[0], down, plane.shape[1], across).any(axis=(1, 3))
        made = plane.copy()
        made[here] = 255 - made[here]
        changed.append(made)
    y, u, v, uv = changed
    assert y is not None
    return one, Picture(y, u, v, uv, one.full_range, None)


def both_scaled(
    pictures: tuple[Picture, Picture], rotate: int, crop: Box, private: tuple[Polygon, ...], size: int, resize: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    images = []
    for picture in pictures:
        turned = stored_as(picture, rotate)
        turned.y.flags.writeable = False  # the decoder's picture is not written to
        image = np.zeros((size, size, 3), np.uint8)
        Scaler(size, size, resize, 114).scale(turned, rotate, image, crop, private)
        images.append(image)
    return images[0], images[1]


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize(("size", "resize"), [(96, "letterbox"), (150, "stretch"), (320, "letterbox_topleft")])
def test_nothing_private_reaches_the_model(pixel_format: str, rotate: int, size: int, resize: str) -> None:
    pictures = other_inside(noise(WIDTH, HEIGHT), pixel_format, PRIVATE)
    for crop in CROPS:
        one, other = both_scaled(pictures, rotate, crop, PRIVATE, size, resize)
        bare, bare_other = both_scaled(pictures, rotate, crop, (), size, resize)
        assert (one == other).all()
        assert not (bare == bare_other).all()  # so that the line above says something


def test_the_rest_of_the_picture_is_still_there_and_padding_is_padding() -> None:
    pictures = other_inside(noise(WIDTH, HEIGHT), "yuv420p", PRIVATE)
    image, _ = both_scaled(pictures, 0, WHOLE, PRIVATE, 320, "letterbox")
    bare, _ = both_scaled(pictures, 0, WHOLE, (), 320, "letterbox")
    same = (image == bare).all(axis=2)
    assert 0.6 < same.mean() < 0.85
    assert (image[:40] == 114).all()
    assert (image[280:] == 114).all()
    covering = ((-0.2, -0.2), (1.2, -0.2), (1.2, 1.2), (-0.2, 1.2))
    black, _ = both_scaled(pictures, 0, WHOLE, (covering,), 320, "letterbox")
    assert (black[40:280] == 0).all()
    assert (black[:40] == 114).all()


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_nothing_private_reaches_a_snapshot(rotate: int) -> None:
    one, other = (
        frame_of(stored_as(picture, rotate), rotate)
        for picture in other_inside(noise(WIDTH, HEIGHT), "yuv420p", PRIVATE)
    )
    assert (whole_view(one, PRIVATE) == whole_view(other, PRIVATE)).all()
    for crop in CROPS:
        assert (crop_view(one, crop, PRIVATE).image == crop_view(other, crop, PRIVATE).image).all()


corner = st.tuples(st.floats(0, 1), st.floats(0, 1))


@settings(max_examples=40, deadline=None)
@given(st.lists(corner, min_size=3, max_size=6), st.integers(24, 700), st.tuples(corner, corner))
def test_any_polygon_in_any_crop(points: list[tuple[float, float]], size: int, corners: tuple[Point, Point]) -> None:
    (ax, ay), (bx, by) = corners
    crop = (min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
    private = (tuple(points),)
    pictures = other_inside(noise(WIDTH, HEIGHT), "yuv420p", private)
    one, other = both_scaled(pictures, 0, crop, private, size, "stretch")
    assert (one == other).all()
