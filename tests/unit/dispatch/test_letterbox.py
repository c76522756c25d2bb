from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.dispatch.letterbox import Placement, place


@pytest.mark.parametrize(
    ("picture", "model", "resize", "expected"),
    [
        ((768, 576), (300, 300), "stretch", Placement(0, 0, 300, 300)),
        ((768, 576), (640, 640), "letterbox", Placement(0, 80, 640, 480)),
        ((768, 576), (416, 416), "letterbox_topleft", Placement(0, 0, 416, 312)),
        ((576, 768), (640, 640), "letterbox", Placement(80, 0, 480, 640)),
        ((4000, 10), (320, 320), "letterbox", Placement(0, 159, 320, 2)),
    ],
)
def test_place(picture: tuple[int, int], model: tuple[int, int], resize: str, expected: Placement) -> None:
    assert place(*picture, *model, resize) == expected


sizes = st.integers(16, 4096)


@given(sizes, sizes, st.integers(32, 1280), st.integers(32, 1280), st.sampled_from(["letterbox", "letterbox_topleft"]))
def test_a_letterbox_lies_inside_and_is_even(w: int, h: int, mw: int, mh: int, resize: str) -> None:
    found = place(w, h, mw, mh, resize)
    assert found.left >= 0
    assert found.top >= 0
    assert found.left + found.width <= mw
    assert found.top + found.height <= mh
    assert found.width % 2 == found.height % 2 == 0


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_the_way_back_is_the_inverse(unit: list[float]) -> None:
    placement = place(1920, 1080, 640, 640, "letterbox")
    size = np.array([placement.width, placement.height] * 2)
    offset = np.array([placement.left, placement.top] * 2)
    inside = (np.array([unit]) * size + offset).astype(np.float32)
    np.testing.assert_allclose(placement.to_picture(inside), [unit], atol=1e-5)


def test_boxes_over_the_edge_are_clamped() -> None:
    found = Placement(0, 80, 640, 480).to_picture(np.array([[-5, 0, 700, 640]], np.float32))
    assert found.tolist() == [[0, 0, 1, 1]]
