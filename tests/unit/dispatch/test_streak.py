"""When errors in a row are more than their frames' own."""

from __future__ import annotations

import pytest

from agent.dispatch.streak import ERRORS, SECONDS, Streak


@pytest.mark.parametrize(
    ("at", "last"),
    [
        ((0.0, 0.5 * SECONDS, SECONDS), 3),  # three, a second apart
        ((0.0, 0.01, 0.02, 0.03, 1.0), 5),  # a fast engine has a second
        ((0.0, 7.0, 14.0), 3),  # a slow one three frames
    ],
)
def test_it_takes_a_number_and_a_time(at: tuple[float, ...], last: int) -> None:
    assert ERRORS == 3
    streak = Streak()
    assert [streak.too_many(100.0 + t) for t in at] == [False] * (last - 1) + [True]
    assert streak.errors == last


def test_an_answer_between_begins_anew() -> None:
    streak = Streak()
    for second in range(9):
        assert not streak.too_many(second)
        assert not streak.too_many(second + 0.5)
        streak.reset()
