from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.capture.timeline import LATE, Cadence, Pacer, Timeline

pts_values = st.none() | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9)


@given(st.lists(st.tuples(pts_values, st.floats(0, 100), st.booleans()), max_size=50), st.booleans())
def test_media_time_starts_at_zero_and_always_rises(steps: list[tuple[float | None, float, bool]], live: bool) -> None:
    timeline = Timeline(0.04, live=live)
    now, times = 1000.0, []
    for pts, elapsed, restart in steps:
        now += elapsed
        if restart:
            timeline.restart()
        times.append(timeline.media_time(pts, now))
    assert times[:1] in ([], [0.0])
    assert all(later > earlier for earlier, later in pairwise(times))


@pytest.mark.parametrize(
    ("pts", "arrived", "live", "step"),
    [
        pytest.param(7.04, 50.5, True, 0.04, id="the stream's own clock"),
        pytest.param(6.0, 50.5, True, 0.5, id="backwards, live: the wall's step"),
        pytest.param(6.0, 50.5, False, 0.1, id="backwards, file: the nominal step"),
        pytest.param(7.0, 50.5, False, 0.1, id="repeated"),
        pytest.param(1e6, 50.5, True, 0.5, id="jump, live"),
        pytest.param(1e6, 50.5, False, 0.1, id="jump, file"),
        pytest.param(None, 50.5, True, 0.5, id="missing, live"),
        pytest.param(None, 50.5, False, 0.1, id="missing, file"),
        pytest.param(None, 50.0, True, 0.001, id="missing, and no time has passed"),
    ],
)
def test_step(pts: float | None, arrived: float, live: bool, step: float) -> None:
    timeline = Timeline(0.1, live=live)
    assert timeline.media_time(7.0, 50.0) == 0.0
    assert timeline.media_time(pts, arrived) == pytest.approx(step)


def test_a_reconnect_counts_the_time_that_passed_and_a_loop_does_not() -> None:
    live, file = Timeline(0.04, live=True), Timeline(0.04, live=False)
    for timeline in (live, file):
        timeline.media_time(3.0, 100.0)
        timeline.restart()
    assert live.media_time(0.0, 160.0) == pytest.approx(60.0)
    assert file.media_time(0.0, 160.0) == pytest.approx(0.04)


def test_the_longest_pause_of_late() -> None:
    cadence = Cadence()
    cadence.note(100.0)
    assert cadence.pause == 0.0, "one picture tells nothing"
    for n in range(1, 40):
        cadence.note(100.0 + 3 * (n // 2))  # in pairs
    assert 2 < cadence.pause <= 3
    cadence.restart()
    cadence.note(500.0)
    assert cadence.pause <= 3
    for n in range(1, 40):
        cadence.note(500.0 + n / 25)
    assert cadence.pause == pytest.approx(0.04)
    cadence.note(510.0)
    assert cadence.pause > 8


def test_pictures_are_due_at_their_time() -> None:
    pacer = Pacer()
    assert pacer.delay(0.0, 100.0) == 0.0
    assert pacer.delay(0.5, 100.1) == pytest.approx(0.4)
    assert pacer.delay(0.5, 100.5 + LATE / 2) == 0.0
    assert pacer.delay(1.0, 100.5 + LATE / 2) == pytest.approx(0.5 - LATE / 2)


def test_lag_does_not_pile_up() -> None:
    pacer = Pacer()
    pacer.delay(0.0, 100.0)
    assert pacer.delay(0.1, 105.0) == 0.0
    assert pacer.delay(0.2, 105.0) == pytest.approx(0.1)
