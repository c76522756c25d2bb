from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.backoff import Backoff


@given(st.floats(0.1, 2), st.floats(2, 60))
def test_waits_double_to_their_bound_and_start_anew(first: float, most: float) -> None:
    backoff = Backoff(first, most)
    for attempt in range(12):
        limit = min(first * 2**attempt, most)
        assert limit / 2 <= backoff.delay() <= limit
    backoff.reset()
    assert backoff.delay() <= first


def test_another_ceiling() -> None:
    backoff = Backoff(1, 5)
    waits = [backoff.delay(60) for _ in range(10)]
    assert 30 <= waits[-1] <= 60
    assert backoff.delay() <= 5


def test_many_do_not_come_back_together() -> None:
    assert len({Backoff(1, 5).delay() for _ in range(50)}) > 40
