from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.perception.facts import WHOLE, Box
from agent.perception.regions import MOST, choose

HD, SSD, YOLO = (1920, 1080), (300, 300), (640, 640)


def at(x: float, y: float, width: float = 0.02, height: float = 0.06) -> Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def pixels(box: Box, picture: tuple[int, int]) -> tuple[float, float]:
    return (box[2] - box[0]) * picture[0], (box[3] - box[1]) * picture[1]


def covers(crop: Box, box: Box) -> bool:
    e = 1e-9
    return crop[0] <= box[0] + e and crop[1] <= box[1] + e and crop[2] >= box[2] - e and crop[3] >= box[3] - e


@pytest.mark.parametrize("picture", [(640, 480), (400, 300), (900, 640)])
def test_a_picture_not_much_larger_than_the_input_is_looked_at_as_a_whole(picture: tuple[int, int]) -> None:
    assert choose([at(0.5, 0.5)], [], picture, YOLO, whole_due=False) == (WHOLE,)


def test_one_that_moves_is_seen_in_its_own_pixels() -> None:
    (crop,) = choose([at(0.3, 0.6)], [], HD, SSD, whole_due=False)
    assert pixels(crop, HD) == pytest.approx(SSD)
    assert covers(crop, at(0.3, 0.6))


def test_one_in_the_corner_gets_a_whole_crop_too() -> None:
    (crop,) = choose([at(0.99, 0.02)], [], HD, SSD, whole_due=False)
    assert pixels(crop, HD) == pytest.approx(SSD)
    assert crop[1] == 0.0
    assert crop[2] == pytest.approx(1.0)


def test_what_is_near_together_is_one_look_and_what_is_far_apart_two() -> None:
    assert len(choose([at(0.3, 0.5), at(0.36, 0.52)], [], HD, SSD, whole_due=False)) == 1
    crops = choose([at(0.1, 0.5), at(0.9, 0.5), at(0.12, 0.55)], [at(0.88, 0.5)], HD, SSD, whole_due=False)
    assert len(crops) == 2
    assert all(pixels(crop, HD) == pytest.approx(SSD) for crop in crops)


def test_a_large_object_is_shrunk_to_fit_and_its_surroundings_are_seen() -> None:
    (crop,) = choose([], [at(0.5, 0.5, 0.05, 0.4)], HD, SSD, whole_due=False)
    assert covers(crop, at(0.5, 0.5, 0.07, 0.48))
    width, height = pixels(crop, HD)
    assert width == pytest.approx(height)
    assert 432 < height < 800


def test_the_whole_picture_when_it_is_due_with_one_look_closer() -> None:
    crops = choose([at(0.1, 0.5)], [], HD, SSD, whole_due=True)
    assert crops[0] == WHOLE
    assert len(crops) == 2
    assert choose([], [], HD, SSD, whole_due=True) == (WHOLE,)


def test_nothing_moves_but_the_scene_wants_a_look() -> None:
    assert choose([], [], HD, SSD, whole_due=False) == (WHOLE,)


def test_what_a_crop_would_hardly_enlarge_is_the_whole_pictures() -> None:
    assert choose([at(0.5, 0.5, 0.95, 0.95)], [], HD, SSD, whole_due=False) == (WHOLE,)
    crops = choose([at(0.4, 0.5, 0.75, 0.9), at(0.95, 0.1)], [], HD, SSD, whole_due=False)
    assert crops[0] == WHOLE
    assert pixels(crops[1], HD) == pytest.approx(SSD)


def test_motion_everywhere_is_two_halves() -> None:
    grid = [at(0.1 + 0.2 * x, 0.1 + 0.2 * y, 0.15, 0.15) for x in range(5) for y in range(5)]
    crops = choose(grid, [], HD, SSD, whole_due=False)
    assert [pixels(crop, HD)[1] for crop in crops] == [1080, 1080]
    assert choose(grid, [], HD, SSD, whole_due=True) == (WHOLE,)


def test_what_hardly_moves_is_looked_at_in_the_same_crop() -> None:
    seen = {choose([], [at(0.4 + i * 0.0002, 0.5)], HD, SSD, whole_due=False) for i in range(10)}
    assert len(seen) <= 2


def test_a_track_predicted_out_of_the_picture_is_no_reason_to_look() -> None:
    outside = [(1.1, 0.2, 1.2, 0.4), (-0.3, 0.2, -0.1, 0.4), (0.5, 0.5, 0.5, 0.5)]
    assert choose([], outside, HD, SSD, whole_due=False) == (WHOLE,)


unit = st.floats(0, 1)
boxes = st.lists(
    st.tuples(unit, unit, st.floats(0.001, 0.5), st.floats(0.001, 0.5)).map(
        lambda b: (b[0] * 0.999, b[1] * 0.999, min(1.0, b[0] * 0.999 + b[2]), min(1.0, b[1] * 0.999 + b[3]))
    ),
    max_size=30,
)
sizes = st.tuples(st.integers(64, 4096), st.integers(64, 4096))
inputs = st.tuples(st.integers(64, 1280), st.integers(64, 1280))


@given(boxes, boxes, sizes, inputs, st.booleans())
def test_crops_are_few_lie_inside_and_show_all(
    motion: list[Box], tracks: list[Box], picture: tuple[int, int], model: tuple[int, int], due: bool
) -> None:
    crops = choose(motion, tracks, picture, model, whole_due=due)
    assert 1 <= len(crops) <= MOST
    assert not due or WHOLE in crops
    assert all(any(covers(crop, box) for crop in crops) for box in [*motion, *tracks])
    for crop in crops:
        assert 0 <= crop[0] < crop[2] <= 1
        assert 0 <= crop[1] < crop[3] <= 1
        if crop != WHOLE:
            width, height = pixels(crop, picture)
            assert width >= min(model[0], picture[0]) - 1e-6
            assert height >= min(model[1], picture[1]) - 1e-6
    assert crops == choose(motion, tracks, picture, model, whole_due=due)
