from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.publish.rate import DetectionsRate, RateLimit


@given(st.floats(0.5, 30), st.lists(st.floats(0, 0.5), min_size=20, max_size=200))
def test_never_more_than_the_rate_on_average(rate: float, gaps: list[float]) -> None:
    limit, now, sent = RateLimit(rate), 1000.0, []
    for gap in gaps:
        now += gap
        if limit.allows(now):
            sent.append(now)
    assert len(sent) - 2 <= (now - sent[0]) * rate


def test_a_steady_source_with_jitter_loses_nothing() -> None:
    limit = RateLimit(5)
    assert all(limit.allows(1000 + i / 5 + (0.03 if i % 2 else -0.02)) for i in range(100))


def test_a_fast_source_is_thinned_evenly() -> None:
    limit = RateLimit(5)
    sent = [i for i in range(300) if limit.allows(1000 + i / 30)]
    assert len(sent) in {50, 51}
    assert {b - a for a, b in pairwise(sent)} <= {5, 6, 7}


@given(st.floats(0.5, 30), st.lists(st.floats(0, 0.5), min_size=1, max_size=50))
def test_to_ask_counts_nothing(rate: float, gaps: list[float]) -> None:
    asked, other, now = RateLimit(rate), RateLimit(rate), 1000.0
    for gap in gaps:
        now += gap
        assert asked.would(now) == asked.would(now)
        assert asked.would(now) == asked.allows(now) == other.allows(now)


def test_zero_is_every_one() -> None:
    limit = RateLimit(0)
    assert all(limit.allows(1000.0) for _ in range(10))


@given(st.floats(0.5, 30), st.lists(st.tuples(st.floats(0, 0.5), st.booleans()), min_size=20, max_size=200))
def test_what_says_that_nobody_looked_takes_no_answers_place(rate: float, told: list[tuple[float, bool]]) -> None:
    both, answers, now, silences = DetectionsRate(rate), RateLimit(rate), 1000.0, []
    for gap, answer in told:
        now += gap
        allowed = both.allows(now, answer=answer)
        if answer:
            assert allowed == answers.allows(now)
        elif allowed:
            assert answers.would(now)
            silences.append(now)
    assert not silences or len(silences) - 2 <= (now - silences[0]) * rate
