"""Spans are a set, whatever is added in whatever order."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agent.publish.outbox.progress import Progress
from agent.publish.outbox.spans import Spans


@given(st.lists(st.integers(1, 40)))
def test_they_hold_what_was_added_in_as_few_pieces_as_can_be(numbers: list[int]) -> None:
    spans = Spans()
    for n in numbers:
        spans.add(n)
    assert {n for n in range(50) if n in spans} == set(numbers)
    assert len(spans) == len(set(numbers))
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(spans))
    assert list(Spans(spans)) == list(spans)
    assert len(Spans(spans)) == len(spans)


@given(st.lists(st.integers(1, 30), unique=True))
def test_progress_is_what_a_set_says(numbers: list[int]) -> None:
    progress = Progress()
    for n in numbers:
        assert progress.settle(n)
        assert not progress.settle(n)
    done = set(numbers)
    assert [progress.waits(n) for n in range(1, 32)] == [n not in done for n in range(1, 32)]
    assert progress.depth(31) == 31 - len(done)
    assert progress.answered == next(n for n in range(32) if n + 1 not in done)
    again = Progress(progress.answered, progress.ahead)
    assert again.depth(31) == progress.depth(31)
