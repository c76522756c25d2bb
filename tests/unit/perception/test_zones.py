from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.perception.settings import Zone
from agent.perception.track import Track
from agent.perception.zones import ZoneChange, ZoneWatch

PORCH = Zone("porch", ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)))
IN, OUT, ON = 0.8, 0.3, 0.5


def track(number: int = 1, class_id: int = 0) -> Track:
    return Track(number, class_id, (0.4, 0.1, 0.6, OUT), 0.9, 0.0, 0.0, 3)


def stand(one: Track, time: float, y: float, *, height: float = 0.2, confidence: float = 0.9) -> Track:
    one.box, one.confidence, one.last_time = (0.4, y - height, 0.6, y), confidence, time
    return one


def walk(watch: ZoneWatch, one: Track, *ys: float, start: float = 0.0, step: float = 0.2) -> list[ZoneChange]:
    found: list[ZoneChange] = []
    for i, y in enumerate(ys):
        time = start + i * step
        found += watch.update(time, [stand(one, time, y)])
    return found


def told(changes: list[ZoneChange]) -> list[bool]:
    return [change.entered for change in changes]


@pytest.mark.parametrize(
    ("ys", "entered"),
    [
        ([], []),
        ([OUT] * 5, []),
        ([IN], []),
        ([IN, OUT, IN, OUT, IN], []),
        ([IN, IN], [True]),
        ([ON, ON], [True]),  # its border is inside
        ([IN, IN, OUT], [True]),
        ([IN, IN, OUT, OUT, OUT], [True]),  # outside for 0.4 s
        ([IN, IN, OUT, OUT, OUT, OUT], [True, False]),
        ([IN, IN, OUT, OUT, OUT, IN, OUT, OUT, OUT], [True]),
        ([IN, IN, *[OUT] * 4, IN, IN], [True, False, True]),
    ],
)
def test_coming_and_going_take_looks_that_agree(ys: list[float], entered: list[bool]) -> None:
    assert told(walk(ZoneWatch(PORCH), track(), *ys)) == entered


def test_two_looks_far_apart_are_still_two() -> None:
    watch, one = ZoneWatch(PORCH), track()
    assert told(walk(watch, one, IN, IN, OUT, OUT, step=5.0)) == [True, False]
    assert told(walk(watch, one, IN, OUT, OUT, start=100, step=5.0)) == []


def test_a_stay_is_from_the_first_look_inside_to_the_first_outside() -> None:
    watch, one = ZoneWatch(PORCH), track()
    came, went = walk(watch, one, OUT, IN, IN, IN, *[OUT] * 4, step=1.0)
    assert (came.track, came.zone, came.since, came.seconds) == (one, "porch", 1.0, 0.0)
    assert (went.track, went.zone, went.since, went.seconds) == (one, "porch", 1.0, 3.0)


def test_time_without_looks_is_time_where_it_was() -> None:
    watch, one = ZoneWatch(PORCH), track()
    walk(watch, one, IN, IN)
    assert walk(watch, one, IN, start=3600) == []
    assert watch.members == [one]
    (went,) = walk(watch, one, OUT, OUT, OUT, OUT, start=7200)
    assert went.seconds == 7200


def test_dwell_is_counted_from_the_first_look() -> None:
    watch, one = ZoneWatch(Zone("porch", PORCH.polygon, dwell=1.0)), track()
    assert walk(watch, one, IN, IN, IN, IN, IN) == []
    (came,) = walk(watch, one, IN, start=1.0)
    assert came.since == 0.0
    assert walk(watch, one, IN, start=2.0) == []


def test_a_look_is_due_when_dwell_is_over_and_until_it_is_decided() -> None:
    watch, one = ZoneWatch(Zone("porch", PORCH.polygon, dwell=1.0)), track()
    assert watch.due() == []
    walk(watch, one, IN, IN, start=5.0)
    assert watch.due() == [6.0]
    walk(watch, one, OUT, start=5.4)
    assert watch.due() == []
    walk(watch, one, IN, start=5.6)
    assert watch.due() == [6.6]
    walk(watch, one, IN, start=6.6)
    assert watch.due() == []
    walk(watch, one, OUT, start=6.8)
    assert watch.due() == [], "who is inside already has nothing to wait for"


def test_a_step_outside_starts_dwell_anew() -> None:
    watch, one = ZoneWatch(Zone("porch", PORCH.polygon, dwell=1.0)), track()
    (came,) = walk(watch, one, IN, IN, IN, OUT, *[IN] * 6)
    assert came.since == pytest.approx(0.8)


@pytest.mark.parametrize("weak", [{"confidence": 0.5}, {"height": 0.05}])
def test_a_weak_look_neither_enters_nor_starts_dwell_anew_nor_leaves(weak: dict[str, float]) -> None:
    watch, one = ZoneWatch(Zone("porch", PORCH.polygon, confidence=0.7, min_height=0.1, dwell=1.0)), track()
    for i in range(20):
        assert watch.update(i / 5, [stand(one, i / 5, IN, **weak)]) == []
    assert watch.members == []
    assert watch.update(10.0, [stand(one, 10.0, IN)]) == []
    assert watch.update(11.0, [stand(one, 11.0, IN, **weak)]) == []
    assert told(watch.update(11.2, [stand(one, 11.2, IN)])) == [True]
    for i in range(20):
        assert watch.update(12 + i / 5, [stand(one, 12 + i / 5, IN, **weak)]) == []
    assert watch.members == [one]


def test_other_labels_are_not_seen() -> None:
    watch = ZoneWatch(Zone("porch", PORCH.polygon, class_ids=frozenset({2})))
    assert walk(watch, track(1, 0), IN, IN, IN) == []
    assert told(walk(watch, track(2, 2), IN, IN, IN)) == [True]


@pytest.mark.parametrize("lowest", [1.0, 0.9995])
def test_a_box_cut_by_the_pictures_lower_edge_stays_inside(lowest: float) -> None:
    watch, one = ZoneWatch(Zone("porch", ((0.0, 0.5), (1.0, 0.5), (1.0, lowest), (0.0, lowest)))), track()
    assert told(walk(watch, one, *[0.9, 0.998, 0.9991, 1.0, 1.0, 1.002, 1.002, 1.002, 1.002, 1.002] * 2)) == [True]


def test_a_box_cut_by_the_lower_edge_is_outside_a_zone_that_ends_above() -> None:
    watch = ZoneWatch(Zone("step", ((0.0, 0.5), (1.0, 0.5), (1.0, 0.9), (0.0, 0.9))))
    assert walk(watch, track(), 1.0, 1.0, 1.0) == []


def test_jitter_on_the_border_does_not_make_events() -> None:
    watch, one = ZoneWatch(PORCH), track()
    assert told(walk(watch, one, IN, IN, *[0.49, 0.51] * 100)) == [True]


def test_t14_who_vanishes_in_a_zone_is_no_longer_counted() -> None:
    """A zone's count sticks when the object disappears within (users of other libraries report it)."""
    watch, one, other = ZoneWatch(PORCH), track(1), track(2)
    for time in (0.0, 1.0, 2.0):
        watch.update(time, [stand(one, time, IN), stand(other, time, IN)])
    assert watch.members == [one, other]
    (went,) = watch.forget(one)
    assert (went.track, went.entered, went.since, went.seconds) == (one, False, 0.0, 2.0)
    assert watch.members == [other]
    assert watch.forget(one) == []


def test_t14_whoever_is_missed_for_some_looks_stays_until_its_track_ends() -> None:
    watch, one = ZoneWatch(PORCH), track()
    walk(watch, one, IN, IN)
    for i in range(50):
        assert watch.update(1 + i / 5, []) == []
    assert watch.members == [one]


def test_t14_who_vanishes_on_the_way_out_stayed_until_the_first_look_outside() -> None:
    watch, one = ZoneWatch(PORCH), track()
    walk(watch, one, IN, IN, IN, OUT, OUT)
    (went,) = watch.forget(one)
    assert went.seconds == pytest.approx(0.6)


@pytest.mark.parametrize("ys", [[], [OUT, OUT], [IN]])
def test_who_was_never_inside_leaves_nothing(ys: list[float]) -> None:
    watch, one = ZoneWatch(PORCH), track()
    walk(watch, one, *ys)
    assert watch.forget(one) == []


def test_an_id_that_comes_again_begins_anew() -> None:
    watch = ZoneWatch(PORCH)
    walk(watch, track(), IN)
    watch.forget(track())
    assert walk(watch, track(), IN, start=1.0) == []


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1), st.floats(0, 2), st.booleans()), max_size=60),
    st.floats(0, 2),
)
def test_entering_and_leaving_alternate(steps: list[tuple[int, float, float, bool]], dwell: float) -> None:
    watch, tracks = ZoneWatch(Zone("porch", PORCH.polygon, dwell=dwell)), [track(i) for i in range(4)]
    changes: list[ZoneChange] = []
    now = 0.0
    for number, y, pause, ends in steps:
        now += pause
        one = tracks[number]
        changes += watch.forget(one) if ends else watch.update(now, [stand(one, now, y)])
    for one in tracks:
        changes += watch.forget(one)
    assert watch.members == []
    for one in tracks:
        own = [change for change in changes if change.track is one]
        assert told(own) == [i % 2 == 0 for i in range(len(own))]
        assert len(own) % 2 == 0
        for came, went in list(pairwise(own))[::2]:
            assert came.since == went.since
            assert 0 <= went.seconds <= now - went.since + 1e-9


def test_whom_a_zone_counts_no_more_leaves_it_and_the_others_stay() -> None:
    watch, person, car = ZoneWatch(PORCH), track(1, 0), track(2, 2)
    for n in range(3):
        watch.update(n / 5, [stand(person, n / 5, IN), stand(car, n / 5, IN)])
    assert watch.members == [person, car]
    (left,) = watch.change(replace(PORCH, class_ids=frozenset({2})))
    assert (left.track, left.entered) == (person, False)
    assert watch.members == [car]
    assert watch.change(PORCH) == []
    assert watch.members == [car]
