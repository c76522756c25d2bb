"""Who is who from look to look, in real seconds."""

from __future__ import annotations

from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.perception.facts import Box
from agent.perception.tracker import LOST_LOOKS, LOST_SECONDS, MOST, Tracker, Update
from backends.detections import Detections
from tests.support.examples import examples


def seen(*boxes: Box, confidence: float | list[float] = 0.9, classes: list[int] | None = None) -> Detections:
    n = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(n, 4),
        np.full(n, confidence, np.float32) if isinstance(confidence, float) else np.array(confidence, np.float32),
        np.array(classes or [0] * n, np.int32),
    )


def person(x: float, y: float = 0.5, height: float = 0.2) -> Box:
    """The middle of its lower edge is at x, y."""
    return (x - height / 5, y - height, x + height / 5, y)


def ids(update: Update) -> list[int | None]:
    return [None if track is None else track.id for track in update.tracks]


def walk(tracker: Tracker, places: list[float | None], step: float, start: float = 0.0) -> list[list[int | None]]:
    """One look per place, `step` seconds apart; None: not seen."""
    return [
        ids(tracker.update(start + i * step, seen(*([] if x is None else [person(x)])))) for i, x in enumerate(places)
    ]


def test_an_id_comes_with_the_second_look() -> None:
    tracker = Tracker(count(1))
    assert walk(tracker, [0.5, 0.5, 0.51], 0.2) == [[None], [1], [1]]
    (track,) = tracker.tracks
    assert (track.hits, track.first_time, track.last_time) == (3, 0.0, pytest.approx(0.4))


def test_one_look_at_a_ghost_gives_no_id() -> None:
    tracker = Tracker(count(1))
    assert walk(tracker, [0.5, None, 0.5, None, 0.5, None], 0.2) == [[None], [], [None], [], [None], []]
    assert tracker.tracks == []


def test_weak_detections_begin_nothing_but_keep_a_track_alive() -> None:
    tracker = Tracker(count(1))
    for i in range(5):
        assert ids(tracker.update(i / 5, seen(person(0.5), confidence=0.25))) == [None]
    walk(tracker, [0.5, 0.5], 0.2, start=1.0)
    for i in range(20):
        assert ids(tracker.update(1.4 + i / 5, seen(person(0.5), confidence=0.15))) == [1]


@pytest.mark.parametrize("step", [1 / 30, 0.1, 0.2])
@pytest.mark.parametrize("gap", [0.2, 0.6, 1.0])
def test_somebody_hidden_for_a_second_is_the_same_again(step: float, gap: float) -> None:
    tracker = Tracker(count(1))
    speed, looks = 0.05, round(4 / step)
    places = [0.2 + speed * i * step for i in range(looks)]
    hidden = range(round(2 / step), round((2 + gap) / step))
    told = walk(tracker, [None if i in hidden else x for i, x in enumerate(places)], step)
    assert {number for look in told[2:] for number in look} == {1}
    assert told[-1] == [1]


def test_a_track_is_lost_after_looks_and_seconds_not_after_one_of_them() -> None:
    quick = Tracker(count(1))
    walk(quick, [0.5] * 10, 0.02)
    for i in range(LOST_LOOKS * 4):  # many looks, little time
        assert quick.update(0.2 + i * 0.02, seen()).ended == []
    slow = Tracker(count(1))
    walk(slow, [0.5] * 10, 0.2)
    for i in range(LOST_LOOKS - 1):  # much time, few looks
        assert slow.update(10.0 + 10 * i, seen()).ended == []
    (ended,) = slow.update(100.0, seen()).ended
    assert ended.id == 1
    assert slow.tracks == []
    assert LOST_SECONDS > 0


def test_time_in_which_nobody_looked_ages_nobody() -> None:
    tracker = Tracker(count(1))
    walk(tracker, [0.5] * 5, 0.2)
    assert ids(tracker.update(600.0, seen(person(0.5)))) == [1]
    assert ids(tracker.update(1200.0, seen(person(0.52)))) == [1]


def test_who_stands_still_for_a_minute_is_one_track_at_a_look_in_five_seconds() -> None:
    tracker = Tracker(count(1))
    random = np.random.default_rng(0)
    walk(tracker, [0.5] * 10, 0.2)
    for i in range(12):
        box = tuple(np.array(person(0.5)) + random.normal(0, 0.004, 4))
        assert ids(tracker.update(5.0 * (i + 1), seen(box))) == [1]
    assert tracker.tracks[0].still_since is not None


def test_two_who_cross_keep_their_numbers() -> None:
    tracker = Tracker(count(1))
    for i in range(41):
        left, right = 0.3 + 0.01 * i, 0.7 - 0.01 * i
        boxes = [person(left, 0.5), person(right, 0.56)]
        told = ids(tracker.update(i / 10, seen(*boxes)))
    assert told == [1, 2]


def test_other_classes_are_other_tracks() -> None:
    tracker = Tracker(count(1))
    for i in range(3):
        tracker.update(i / 5, seen(person(0.5), classes=[0]))
    assert ids(tracker.update(0.6, seen(person(0.5), classes=[1]))) == [None]
    assert ids(tracker.update(0.8, seen(person(0.5), person(0.5), classes=[1, 0]))) == [2, 1]


def test_double_boxes_of_one_object_are_one_track() -> None:
    tracker = Tracker(count(1))
    for i in range(10):
        tracker.update(i / 10, seen(person(0.5), person(0.503)))
    assert len(tracker.tracks) == 1


def test_what_was_not_looked_at_is_not_missed() -> None:
    tracker = Tracker(count(1))
    for i in range(3):
        tracker.update(i / 5, seen(person(0.2), person(0.8)))
    for i in range(3, 30):
        tracker.update(i / 5, seen(person(0.2)), looked=[(0.0, 0.0, 0.5, 1.0)])
    assert [track.id for track in tracker.tracks] == [1, 2]
    for i in range(30, 60):
        tracker.update(i / 5, seen(person(0.2)), looked=[(0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)])
    assert [track.id for track in tracker.tracks] == [1]


def test_predictions_are_in_the_order_of_the_tracks_whoever_got_an_id_first() -> None:
    tracker, left, right = Tracker(count(1)), person(0.2), person(0.8)
    tracker.update(0.0, seen(left, right))
    tracker.update(0.2, seen(right), looked=[(0.5, 0.0, 1.0, 1.0)])
    tracker.update(0.4, seen(left, right))
    assert sorted(track.id for track in tracker.tracks) == [1, 2]
    for track, box in zip(tracker.tracks, tracker.predicted(0.4).tolist(), strict=True):
        assert box == pytest.approx(track.box, abs=0.01)


@pytest.mark.parametrize(("speed", "wholly"), [(0.06, False), (0.2, True)])
def test_who_has_left_the_picture_is_missed_where_no_crop_shows_it(speed: float, wholly: bool) -> None:
    """wholly: the prediction lies outside of the picture with all of the box, else with its middle."""
    tracker = Tracker(count(1))
    edge, other = (0.7, 0.0, 1.0, 1.0), (0.0, 0.0, 0.3, 1.0)
    for i in range(6):
        x = 0.96 + speed * (i - 5) / 5
        tracker.update(i / 5, seen(person(0.2), (x - 0.04, 0.3, min(1.0, x + 0.04), 0.5)))
    left, _, right, _ = tracker.predicted(2.0)[1].tolist()
    assert left + right > 2
    assert (left >= 1) is wholly
    looked = [other] if wholly else [other, edge]
    ended = [i / 5 for i in range(6, 30) if tracker.update(i / 5, seen(person(0.2)), looked).ended]
    assert len(ended) == 1
    assert ended[0] < 1.0 + LOST_SECONDS + 1.0, "the prediction takes a part of a second to go out"
    assert [track.id for track in tracker.tracks] == [1]


def test_a_prediction_goes_on_for_a_second_and_then_stays() -> None:
    tracker = Tracker(count(1))
    walk(tracker, [0.2 + 0.02 * i for i in range(20)], 0.1)
    now = 1.9
    middles = [float(tracker.predicted(now + ahead)[0, [0, 2]].mean()) for ahead in (0.0, 0.5, 1.0, 2.0, 60.0)]
    assert middles[0] == pytest.approx(0.58, abs=0.01)
    assert middles[1] == pytest.approx(0.68, abs=0.02)
    assert middles[2] == middles[3] == middles[4] == pytest.approx(0.78, abs=0.04)


def test_moving_and_still() -> None:
    tracker = Tracker(count(1))
    walk(tracker, [0.2 + 0.01 * i for i in range(30)], 0.1)
    assert tracker.tracks[0].still_since is None
    walk(tracker, [0.5] * 30, 0.1, start=3.0)
    since = tracker.tracks[0].still_since
    assert since == pytest.approx(3.0, abs=0.5)
    walk(tracker, [0.5 + 0.01 * i for i in range(30)], 0.1, start=6.0)
    assert tracker.tracks[0].still_since is None


@pytest.mark.parametrize("times", [[0, 0.2, 0.2, 0.4], [0, 0.2, 0.1, 0.4], [5, 5, 5, 5], [0, 3600, 0, 0.2]])
def test_clocks_that_stand_or_go_back_do_no_harm(times: list[float]) -> None:
    tracker = Tracker(count(1))
    told = [ids(tracker.update(at, seen(person(0.5)))) for at in times]
    assert told == [[None], [1], [1], [1]]
    (track,) = tracker.tracks
    assert track.last_time >= track.first_time


def test_many_are_bounded() -> None:
    tracker = Tracker(count(1))
    random = np.random.default_rng(0)
    xy = random.random((2 * MOST, 2)) * 0.99
    boxes = [(x, y, x + 0.002, y + 0.004) for x, y in xy.tolist()]
    for i in range(3):
        tracker.update(i / 5, seen(*boxes))
    assert 0 < len(tracker.tracks) <= MOST


def test_clear_returns_who_was_there() -> None:
    tracker = Tracker(count(1))
    walk(tracker, [0.5] * 3, 0.2)
    assert [track.id for track in tracker.clear()] == [1]
    assert tracker.tracks == []
    assert walk(tracker, [0.5] * 2, 0.2, start=1.0) == [[None], [2]]


def test_who_is_forgotten_is_somebody_new_and_the_others_stay() -> None:
    tracker = Tracker(count(1))
    boxes = [person(0.2), person(0.5), person(0.8)]
    for i in range(3):
        tracker.update(i / 5, seen(*boxes))
    tracker.forget([tracker.tracks[1]])
    assert [track.id for track in tracker.tracks] == [1, 3]
    assert tracker.predicted(0.5).shape == (2, 4)
    assert ids(tracker.update(0.6, seen(*boxes))) == [1, None, 3]
    assert ids(tracker.update(0.8, seen(*boxes))) == [1, 4, 3]
    tracker.forget([])
    Tracker(count(1)).forget([])
    assert len(tracker.tracks) == 3


NUMBERS = st.one_of(st.floats(-0.5, 1.5), st.sampled_from([float("nan"), float("inf"), 0.0, 1.0]))
LOOKS = st.lists(
    st.tuples(
        st.floats(-1, 10),
        st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.floats(0, 1), st.integers(0, 2)), max_size=6),
    ),
    max_size=12,
)


@given(LOOKS)
@settings(max_examples=examples(60), deadline=None)
def test_anything_may_be_seen_at_any_time(looks: list[tuple[float, list[tuple[float, ...]]]]) -> None:
    tracker, time = Tracker(count(1)), 0.0
    alive: set[int] = set()
    for step, rows in looks:
        time += step
        found = seen(
            *[(a, b, c, d) for a, b, c, d, _, _ in rows],
            confidence=[row[4] for row in rows],
            classes=[int(row[5]) for row in rows],
        )
        update = tracker.update(time, found)
        assert len(update.tracks) == len(rows)
        told = [number for number in ids(update) if number is not None]
        assert len(set(told)) == len(told)
        now = {track.id for track in tracker.tracks}
        ended = {track.id for track in update.ended}
        assert not now & ended
        assert set(told) <= now
        assert alive - ended <= now
        assert all(number > max(alive, default=0) for number in now - alive)
        alive = now
        numbers = [track.id for track in tracker.tracks]
        assert all(a < b for a, b in pairwise(sorted(numbers)))
        predicted = tracker.predicted(time + 0.1)
        assert predicted.shape == (len(tracker.tracks), 4)
        assert np.isfinite(predicted).all()
        for track in tracker.tracks:
            assert all(0 <= edge <= 1 for edge in track.box)
