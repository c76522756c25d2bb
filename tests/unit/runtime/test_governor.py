"""The thermal governor: what it does step by step, and what it never does."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.runtime.governor import DOWN_S, HYSTERESIS, MARGIN, PATIENT_S, STEPS, UP_S, Governor

LIMIT = 80.0
HOT, COOL = LIMIT - MARGIN, LIMIT - MARGIN - HYSTERESIS
Reading = tuple[float, float | None, float | None, bool | None]
READINGS = st.lists(
    st.tuples(
        st.floats(0.1, 100.0),
        st.none() | st.floats(20.0, 110.0),
        st.none() | st.floats(60.0, 105.0),
        st.none() | st.booleans(),
    ),
    max_size=200,
)


def run(governor: Governor, seconds: int, celsius: float | None, start: float = 0.0) -> list[tuple[float, float]]:
    """Once a second: (when, factor) of each change."""
    changes = []
    for second in range(seconds):
        change = governor.step(start + second, celsius, LIMIT, None)
        if change:
            assert change.factor == governor.factor
            changes.append((start + second, change.factor))
    return changes


def test_it_lowers_the_rate_before_the_limit_and_not_below_its_least() -> None:
    governor = Governor()
    assert run(governor, 30, HOT - 0.1) == []
    changes = run(governor, 600, HOT, 1000)
    assert [factor for _, factor in changes] == list(STEPS[1:])
    assert [at - 1000 for at, _ in changes] == [DOWN_S * step for step in range(len(STEPS) - 1)]


def test_it_says_what_it_does_and_why() -> None:
    governor = Governor()
    assert governor.lowered == ""
    change = governor.step(0.0, 78.4, LIMIT, None)
    assert change is not None
    assert change.text == "78 degrees; this machine is throttled at 80: inference rate reduced to 80 %"
    assert governor.lowered == change.text
    changes = run(governor, 200, COOL, 1.0)
    assert changes == [(1.0 + UP_S, 1.0)]
    assert governor.lowered == ""


def test_between_warm_and_cool_it_stays_as_it_is() -> None:
    governor = Governor()
    run(governor, 20, HOT)
    factor = governor.factor
    assert run(governor, 600, (HOT + COOL) / 2, 100.0) == []
    assert governor.factor == factor


def test_a_machine_that_is_slowed_down_already_counts_as_hot() -> None:
    governor = Governor()
    change = governor.step(0.0, 40.0, LIMIT, True)
    assert change is not None
    assert change.text.startswith("the board reports that it is throttled")


def test_a_short_cool_moment_raises_nothing() -> None:
    governor = Governor()
    run(governor, 20, HOT)
    at = 100.0
    for _ in range(20):
        assert run(governor, int(UP_S) - 1, COOL, at) == []
        governor.step(at + UP_S - 1, COOL + 1, LIMIT, None)
        at += UP_S


def test_a_lost_sensor_does_not_slow_the_machine_forever() -> None:
    governor = Governor()
    run(governor, 300, HOT)
    changes = run(governor, 2000, None, 300.0)
    assert [factor for _, factor in changes] == list(reversed(STEPS))[1:]


@settings(deadline=None)
@given(READINGS)
def test_what_holds_whatever_the_sensors_say(readings: list[Reading]) -> None:
    governor, now, level = Governor(), 0.0, 0
    moves: list[tuple[float, int]] = []
    for wait, celsius, limit, throttled in readings:
        now += wait
        change = governor.step(now, celsius, limit, throttled)
        new = STEPS.index(governor.factor)
        assert abs(new - level) == (1 if change else 0), "one step at a time, and each is announced"
        assert bool(governor.lowered) == (new > 0)
        if change:
            hot = throttled or (celsius is not None and limit is not None and celsius >= limit - MARGIN)
            assert (new > level) == bool(hot)
            if moves:
                assert now - moves[-1][0] >= (DOWN_S if new > level else UP_S)
            moves.append((now, new))
        level = new


@settings(deadline=None, max_examples=30)
@given(READINGS, st.floats(20.0, COOL))
def test_once_it_is_cool_the_rate_only_rises_and_comes_back_whole(readings: list[Reading], celsius: float) -> None:
    governor, now = Governor(), 0.0
    for wait, *reading in readings:
        now += wait
        governor.step(now, *reading)
    changes = run(governor, int(PATIENT_S + 1) * len(STEPS), celsius, now + 1)
    factors = [factor for _, factor in changes]
    assert factors == sorted(factors)
    assert governor.factor == 1.0


@settings(deadline=None, max_examples=10)
@given(st.floats(0.5, 3.0), st.floats(0.0, 30.0))
def test_a_machine_that_the_rate_heats_settles_instead_of_swinging(gain: float, ambient: float) -> None:
    """A simple heat sink: the target temperature grows with the rate, and is approached within about a minute.

    It may not be able to cool it at all (then the least rate stays), but it must not go up and down all the time.
    """
    governor, celsius = Governor(), ambient
    raised = []
    for second in range(4 * 3600):
        target = ambient + 20 + 25 * gain * governor.factor
        celsius += (target - celsius) / 60
        before = governor.factor
        if governor.step(float(second), celsius, LIMIT, None) and governor.factor > before:
            raised.append(second)
    assert sum(second > 2 * 3600 for second in raised) <= 2 * 3600 / PATIENT_S + 1


def test_a_step_up_that_was_too_early_is_waited_for_twice_as_long() -> None:
    governor, now, waits = Governor(), 0.0, []
    governor.step(now, HOT, LIMIT, None)
    for _ in range(6):
        began = now
        while governor.factor < 1.0:
            now += 1
            governor.step(now, COOL, LIMIT, None)
        waits.append(now - began)
        now += DOWN_S
        assert governor.step(now, HOT, LIMIT, None)
    assert waits == [UP_S + 1, *(UP_S * 2**n + 1 for n in range(1, 5)), PATIENT_S + 1]
