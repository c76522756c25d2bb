from __future__ import annotations

import pytest

from agent.publish.poison import AT_ONCE_S, CAREFUL_FROM, CAREFUL_S, MOST, RETRY_S, TRIES, PoisonMessages


class Sessions:
    """A broker that closes where it is told to."""

    def __init__(self) -> None:
        self.poison = PoisonMessages()
        self._mid = 0

    def run(self, *whats: str, answered: int, size: int = 10, unexplained: bool = True, after: float = 0.0) -> None:
        """Sends these, of which the first so many are answered before the connection is gone."""
        mids = []
        for what in whats:
            self._mid += 1
            mids.append(self._mid)
            self.poison.sent(self._mid, what, size, 0.0)
        for mid in mids[:answered]:
            self.poison.answered(mid, 0.0)
        self.poison.closed(after, unexplained=unexplained)


@pytest.fixture
def broker() -> Sessions:
    return Sessions()


def test_the_first_unanswered_is_found_out_after_as_many_closings_in_a_row(broker: Sessions) -> None:
    for n in range(TRIES):
        assert not broker.poison.spoils("b", 10, 0.0)
        assert broker.poison.careful == (n >= CAREFUL_FROM)
        broker.run("a", "b", "c", answered=1)
    assert broker.poison.spoils("b", 10, 0.0)
    assert broker.poison.spoils("b", 11, 0.0), "a larger one, too"
    assert not broker.poison.spoils("b", 9, 0.0)
    assert not broker.poison.spoils("a", 10, 0.0)
    assert not broker.poison.spoils("c", 10, 0.0)
    assert not broker.poison.careful


def test_one_that_was_taken_in_between_is_none(broker: Sessions) -> None:
    for _ in range(3 * TRIES):
        broker.run("a", answered=0)
        broker.run("a", "b", answered=2)
    assert not broker.poison.spoils("a", 10, 0.0)


def test_an_answer_is_one_to_all_that_was_sent_before(broker: Sessions) -> None:
    """As to a picture, of QoS 0, which has none itself."""
    for mid in range(TRIES):
        broker.poison.sent(1000, "picture", 10, 0.0)
        broker.poison.sent(mid, "value", 10, 0.0)
        broker.poison.answered(mid, 0.0)
        broker.poison.closed(0.0, unexplained=True)
    assert not broker.poison.spoils("picture", 10, 0.0)


@pytest.mark.parametrize(("unexplained", "after"), [(False, 0.0), (True, AT_ONCE_S + 0.1)])
def test_other_ends_of_a_connection_say_nothing(broker: Sessions, unexplained: bool, after: float) -> None:
    for _ in range(2 * TRIES):
        broker.run("a", answered=0, unexplained=unexplained, after=after)
    assert not broker.poison.spoils("a", 10, 0.0)
    assert not broker.poison.careful


def test_one_that_never_comes_again_does_not_slow_the_others_for_long(broker: Sessions) -> None:
    for _ in range(CAREFUL_FROM):
        broker.run("picture", answered=0)
    for now, careful in ((1.0, True), (CAREFUL_S, False)):
        broker.poison.sent(1000, "value", 10, now)
        broker.poison.answered(1000, now)
        assert broker.poison.careful == careful


def test_the_smallest_that_was_found_out_counts(broker: Sessions) -> None:
    for size in (100, 50, 80):
        for _ in range(TRIES):
            broker.run("pictures", answered=0, size=size)
    assert broker.poison.spoils("pictures", 50, 0.0)
    assert not broker.poison.spoils("pictures", 49, 0.0)


def test_the_books_are_bounded(broker: Sessions) -> None:
    for n in range(2 * MOST):
        for _ in range(TRIES if n % 2 else 1):
            broker.run(str(n), answered=0)
    assert len(broker.poison._closings) <= MOST
    assert len(broker.poison._found) <= MOST
    assert broker.poison.spoils(str(2 * MOST - 1), 10, 0.0)


def test_after_an_hour_it_is_tried_again_once(broker: Sessions) -> None:
    for _ in range(TRIES):
        broker.run("value", answered=0)
    assert broker.poison.spoils("value", 10, RETRY_S - 1)
    assert not broker.poison.spoils("value", 10, RETRY_S)
    broker.run("value", answered=0)
    assert broker.poison.spoils("value", 10, 0.0), "one closing is enough"
    assert not broker.poison.spoils("value", 10, RETRY_S)
    broker.run("value", answered=1)
    broker.run("value", answered=0)
    assert not broker.poison.spoils("value", 10, 0.0), "it was taken"
