from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.capture.boxes import MOST, joined
from agent.capture.frame import Motion
from agent.capture.motion import SPARED, MotionWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

HEIGHT, WIDTH = 360, 640
START = 2.0
"""Seconds of an empty scene before something happens, by when every watch has settled."""


class Film:
    """Synthetic pictures at a fixed rate with Gaussian noise of the sensor. It says nothing of how a codec smears."""

    def __init__(self, fps: float = 25, sigma: float = 1.0, size: tuple[int, int] = (HEIGHT, WIDTH)) -> None:
        self.fps = fps
        random = np.random.default_rng(1)
        blocks = random.integers(40, 160, (size[0] // 20 + 1, size[1] // 20 + 1))
        background = np.kron(blocks, np.ones((20, 20), np.int16))[: size[0], : size[1]]
        grain = random.normal(0, sigma, (size[0] + 8, size[1] + 8)).round().astype(np.int16)
        shifted = (grain[n : n + size[0], 8 - n : 8 - n + size[1]] for n in range(8))
        self._empty = itertools.cycle([np.clip(background + noise, 0, 255).astype(np.uint8) for noise in shifted])

    def picture(self, *things: tuple[int, int, int, int], light: float = 0, gain: float = 1) -> NDArray[np.uint8]:
        """things: x, y, width, height; 60 grey levels brighter than the background."""
        y = next(self._empty).copy()
        for x, top, width, height in things:
            y[top : top + height, x : x + width] += 60
        if light or gain != 1:
            y = np.clip(y * np.float32(gain) + np.float32(light), 0, 255).astype(np.uint8)
        return y

    def times(self, seconds: float, start: float = 0.0) -> Iterator[float]:
        return (start + n / self.fps for n in range(round(seconds * self.fps)))

    def settled(self, watch: MotionWatch) -> MotionWatch:
        for time in self.times(START):
            watch.look(self.picture(), time)
        return watch


def covers(motion: Motion, x: int, y: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> bool:
    across, down = x / size[1], y / size[0]
    return any(b[0] <= across <= b[2] and b[1] <= down <= b[3] for b in motion.boxes)


@pytest.mark.parametrize("fps", [1, 5, 25])
def test_something_that_appears_is_boxed_at_once_and_closely(fps: float) -> None:
    film = Film(fps)
    watch = MotionWatch()
    for time in film.times(max(START, 4 / fps)):
        watch.look(film.picture(), time)
    motion = watch.look(film.picture((300, 100, 60, 120)), max(START, 4 / fps))
    assert not motion.unsettled
    (box,) = motion.boxes
    assert np.allclose(box, (300 / WIDTH, 100 / HEIGHT, 360 / WIDTH, 220 / HEIGHT), atol=0.03)


@pytest.mark.parametrize("sigma", [0, 1, 3, 6, 10])
def test_noise_of_any_level_is_not_motion_and_a_thing_in_it_is(sigma: float) -> None:
    film = Film(sigma=sigma)
    watch = film.settled(MotionWatch())
    quiet = [watch.look(film.picture(), time) for time in film.times(6, START)]
    assert sum(bool(motion.boxes) for motion in quiet) == 0
    assert not any(motion.unsettled for motion in quiet)
    assert covers(watch.look(film.picture((300, 100, 60, 120)), START + 6 + SPARED[-1]), 330, 160)


@pytest.mark.parametrize(
    "light",
    [
        lambda t: {"light": 4 * t},
        lambda t: {"light": -3 * t},
        lambda t: {"gain": 1 + 0.03 * t},
        lambda t: {"light": 10 * np.sin(t)},
    ],
    ids=["brighter", "darker", "gain", "clouds"],
)
def test_slow_light_is_not_motion_and_hides_none(light: Callable[[float], dict[str, float]]) -> None:
    film = Film()
    watch = film.settled(MotionWatch())
    seen = [watch.look(film.picture(**light(time)), START + time) for time in film.times(8)]
    assert not any(motion.boxes or motion.unsettled for motion in seen)
    assert covers(watch.look(film.picture((300, 100, 60, 120), **light(8.0)), START + 8 + SPARED[-1]), 330, 160)


@pytest.mark.parametrize("flash", [1, 3, 10], ids=lambda n: f"{n} frames")
def test_lightning_is_unsettled_and_leaves_nothing_behind(flash: int) -> None:
    film = Film()
    watch = film.settled(MotionWatch())
    times = film.times(3, START)
    during = [watch.look(film.picture(light=50), time) for time in itertools.islice(times, flash)]
    after = [watch.look(film.picture(), time) for time in times]
    assert all(motion == Motion(unsettled=True) for motion in during)
    assert not any(motion.boxes for motion in after)
    settled = [motion.unsettled for motion in after].index(False)
    assert settled / film.fps < 1.1
    assert not any(motion.unsettled for motion in after[settled:])


def test_lights_switched_on_are_unsettled_until_the_picture_is_quiet_again() -> None:
    film = Film()
    watch = film.settled(MotionWatch())
    shadows = np.linspace(20, 110, WIDTH)
    lit = [
        watch.look(np.clip(film.picture() * 0.5 + shadows, 0, 255).astype(np.uint8), t) for t in film.times(3, START)
    ]
    assert lit[0] == Motion(unsettled=True)
    assert not any(motion.boxes for motion in lit)
    assert not any(motion.unsettled for motion in lit[25:])


def test_what_flickers_for_long_is_learned_and_the_rest_still_watched() -> None:
    film = Film(10)
    watch = film.settled(MotionWatch())

    def picture(n: int, *things: tuple[int, int, int, int]) -> NDArray[np.uint8]:
        y = film.picture(*things)
        y[:100, :100] = 100 + 24 * (n // 2 % 2)
        return y

    early = [watch.look(picture(n), START + n / 10) for n in range(50)]
    for n in range(50, 300):
        watch.look(picture(n), START + n / 10)
    late = [watch.look(picture(n), START + n / 10) for n in range(300, 350)]
    assert all(motion.boxes for motion in early[:10])
    assert not any(motion.boxes for motion in late)
    assert covers(watch.look(picture(350, (300, 100, 60, 120)), START + 35), 330, 160)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_boxes_and_masks_are_those_of_the_rotated_picture(rotate: int) -> None:
    film = Film()
    upright = film.picture()
    turns = rotate // 90  # clockwise; np.rot90 turns the other way
    masked = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
    watch = MotionWatch(rotate, [masked])
    for time in film.times(START):
        watch.look(np.rot90(film.picture(), turns), time)
    hidden, plain = film.picture((100, 50, 60, 120)), film.picture((400, 50, 60, 120))
    assert upright.shape == hidden.shape
    assert watch.look(np.rot90(hidden, turns), START) == Motion()
    motion = watch.look(np.rot90(plain, turns), START + 0.08)
    (box,) = motion.boxes
    assert np.allclose(box, (400 / WIDTH, 50 / HEIGHT, 460 / WIDTH, 170 / HEIGHT), atol=0.03)


@pytest.mark.parametrize("step", [0.04, 0.0, -1.0], ids=["25 fps", "a clock that stands", "one that goes back"])
def test_of_two_pictures_the_same_is_told_as_of_the_one_before(step: float) -> None:
    film = Film()
    watch = film.settled(MotionWatch())
    assert watch.look(film.picture(), START) == Motion()
    pictures = [film.picture((300, 100, 60, 120))] * 5 + [film.picture()] * 4
    seen = [bool(watch.look(picture, START + n * step).boxes) for n, picture in enumerate(pictures, 1)]
    assert seen == [False, False, True, True, True, False, False, False, False]


def test_of_twelve_pictures_a_second_each_is_looked_at() -> None:
    film = Film(12.5)
    watch = film.settled(MotionWatch())
    seen = [
        covers(watch.look(film.picture((100 + 40 * n, 100, 30, 60)), START + n * 0.08), 115 + 40 * n, 130)
        for n in range(1, 10)
    ]
    assert all(seen)


def test_of_a_slow_camera_each_picture_is_looked_at() -> None:
    film = Film(10)
    watch = film.settled(MotionWatch())
    assert watch.look(film.picture(), START) == Motion()
    assert watch.look(film.picture((300, 100, 60, 120)), START + 0.1).boxes


def test_masks_over_everything_show_nothing_and_break_nothing() -> None:
    film = Film()
    watch = film.settled(MotionWatch(0, [[(-1, -1), (2, -1), (2, 2), (-1, 2)]]))
    assert watch.look(film.picture((300, 100, 60, 120)), START) == Motion()


def test_rows_may_be_padded_and_stored_bottom_up() -> None:
    film = Film()
    plain, padded, flipped = (MotionWatch() for _ in range(3))
    for time in [*film.times(START), START]:
        y = film.picture((300, 100, 60, 120)) if time == START else film.picture()
        wide = np.full((HEIGHT + 8, WIDTH + 64), 7, np.uint8)
        wide[:HEIGHT, :WIDTH] = y
        results = [plain.look(y, time), padded.look(wide[:HEIGHT, :WIDTH], time)]
        results.append(flipped.look(np.ascontiguousarray(y[::-1])[::-1], time))
    assert results[0].boxes
    assert results[0] == results[1] == results[2]


def test_a_change_of_resolution_begins_anew() -> None:
    small, large = Film(), Film(size=(720, 1280))
    watch = small.settled(MotionWatch())
    assert watch.look(large.picture(), START) == Motion(unsettled=True)
    for time in large.times(START, START):
        motion = watch.look(large.picture(), time)
    assert motion == Motion()
    assert covers(watch.look(large.picture((600, 200, 120, 240)), 2 * START), 660, 320, (720, 1280))


@pytest.mark.parametrize(("fps", "speed"), [(5, 25), (25, 25), (8, 4)], ids=["5 fps", "25 fps", "slow"])
def test_a_person_of_three_percent_of_the_height_is_seen_walking(fps: float, speed: float) -> None:
    """32 x 12 pixels in 1080p; the slow one takes three seconds for its own width."""
    film = Film(fps, sigma=2, size=(1080, 1920))
    watch = film.settled(MotionWatch())
    hits = []
    for time in film.times(3):
        x = 900 + int(speed * time)
        hits.append(covers(watch.look(film.picture((x, 500, 12, 32)), START + time), x + 6, 516, (1080, 1920)))
    assert np.mean(hits) >= 0.95


def test_who_stands_still_becomes_background_and_is_seen_when_he_moves() -> None:
    film = Film(10)
    watch = film.settled(MotionWatch())
    stand = [watch.look(film.picture((300, 100, 60, 120)), time) for time in film.times(15, START)]
    assert all(motion.boxes for motion in stand[:20])
    assert not any(motion.boxes for motion in stand[-30:])
    assert covers(watch.look(film.picture((330, 100, 60, 120)), START + 15), 375, 160)


def test_many_places_become_few_boxes_that_cover_them() -> None:
    film = Film()
    watch = film.settled(MotionWatch())
    things = [(x, y, 12, 12) for x in range(20, 620, 60) for y in range(20, 340, 40)]
    motion = watch.look(film.picture(*things), START)
    assert 1 <= len(motion.boxes) <= MOST
    assert all(covers(motion, x + 6, y + 6) for x, y, _, _ in things)


@pytest.mark.parametrize("times", [[1.0] * 40, [3 - n / 25 for n in range(60)], [5.0, 1e9, -1e9, 5.0]])
def test_time_stamps_that_stand_still_or_go_back_break_nothing(times: list[float]) -> None:
    film = Film()
    watch = film.settled(MotionWatch())
    for time in times:
        assert isinstance(watch.look(film.picture(), time), Motion)
    for time in film.times(START, times[-1]):
        motion = watch.look(film.picture(), time)
    assert motion == Motion()
    assert covers(watch.look(film.picture((300, 100, 60, 120)), times[-1] + START + SPARED[-1]), 330, 160)


@settings(max_examples=60, deadline=None)
@given(
    shapes=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=3),
    rotate=st.sampled_from([0, 90, 180, 270]),
    seed=st.integers(0, 1000),
)
def test_any_size_of_picture_yields_bounded_boxes_within_it(
    shapes: list[tuple[int, int]], rotate: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    watch = MotionWatch(rotate, [[(0, 0), (0.3, 0), (0.3, 0.3)]])
    for n, shape in enumerate(np.repeat(shapes, 6, axis=0)):
        base = np.full(shape, 60, np.uint8)
        base[random.random(base.shape) < 0.3 * (n % 6 > 3)] = 200
        motion = watch.look(base, n / 3)
        assert len(motion.boxes) <= MOST
        assert not (motion.unsettled and motion.boxes)
        for x1, y1, x2, y2 in motion.boxes:
            assert 0 <= x1 < x2 <= 1
            assert 0 <= y1 < y2 <= 1


@pytest.mark.parametrize("shape", [(1, 100_000), (100_000, 1), (2, 3), (1, 1)])
def test_odd_shapes_are_sampled_within_the_picture(shape: tuple[int, int]) -> None:
    watch = MotionWatch()
    for n in range(20):
        motion = watch.look(np.full(shape, 90, np.uint8), n / 10)
    assert motion == Motion()


UNIT = st.tuples(*(st.floats(0, 1) for _ in range(4))).map(
    lambda p: (min(p[0], p[2]), min(p[1], p[3]), max(p[0], p[2]), max(p[1], p[3]))
)


@given(boxes=st.lists(UNIT, max_size=24), most=st.integers(1, 16))
def test_joined_boxes_are_few_and_cover_all(boxes: list[tuple[float, float, float, float]], most: int) -> None:
    few = joined(boxes, most)
    assert len(few) <= most
    for x1, y1, x2, y2 in boxes:
        assert any(b[0] <= x1 and b[1] <= y1 and x2 <= b[2] and y2 <= b[3] for b in few)


def test_boxes_apart_stay_apart() -> None:
    one, other = (0.0, 0.0, 0.1, 0.1), (0.5, 0.5, 0.6, 0.6)
    assert joined([one, other]) == (one, other)
