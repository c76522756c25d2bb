from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.publish.ledger import Ledger
from agent.publish.outbox.send_window import (
    BYTES,
    FLYING_BYTES,
    PICTURE_S,
    ROWS,
    UNCONFIRMED,
    Departure,
    Row,
    SendWindow,
    Settled,
)

WEEK = 7 * 86400.0


def row(n: int, *, size: int = 10, picture: bytes | None = None, happened: float = 0.0) -> Row:
    return Row(n, "e", n, "events", bytes(size), happened, happened + WEEK, picture, f"snapshot/{n}")


class Broker:
    """Hears what the line hands over, answers in order when told to. Plays the outbox, too: it keeps every row."""

    def __init__(self, line: SendWindow, window: int = 20) -> None:
        self.line = line
        self.window = window
        self.heard: list[str] = []
        self.unanswered: list[int] = []
        self.told: list[Settled] = []
        self._kept: list[Row] = []
        self._mid = 0
        line.open()

    def keep(self, *rows: Row) -> None:
        self._kept += rows
        self._feed(rows)

    def pump(self, now: float = 0.0) -> None:
        while (departure := self.line.take(now, self.window)) is not None:
            self._mid += 1
            self.heard.append(name(departure))
            self.unanswered.append(self._mid)
            self.line.sent(self._mid, departure, now)
        self.book()

    def answer(self) -> None:
        if self.unanswered:
            self.line.answered(self.unanswered.pop(0))
        self.book()

    def lose(self) -> None:
        self.unanswered.clear()
        self.line.lost()
        self.book()
        self.line.open()
        for each in self._kept:
            each.picture_flying = False
        self._feed(self._kept)

    def book(self) -> None:
        told = [self.line.settled_rows.popleft() for _ in range(len(self.line.settled_rows))]
        done = [settled.row.n for settled in told if not settled.picture]
        self._kept = [each for each in self._kept if each.n not in done]
        self.line.confirm(done)
        self.told += told

    def settle(self, now: float = 0.0) -> None:
        self.pump(now)
        while self.unanswered:
            self.answer()
            self.pump(now)

    def first_heard(self) -> list[int]:
        """Numbers of events in the order in which a subscriber who drops doubles hears them."""
        return [int(n) for n in dict.fromkeys(self.heard) if not n.startswith("snapshot")]

    def _feed(self, rows: list[Row] | tuple[Row, ...]) -> None:
        for each in rows:
            assert self.line.put(self.line.session, each)


def name(departure: Departure) -> str:
    return departure.topic if departure.picture else str(departure.row.n)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([10, 400]), st.sampled_from([None, b"", b"jpeg", b"a large picture"])),
        st.sampled_from(["pump", "answer", "lose"]),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(ACTIONS, st.integers(1, 4))
def test_whatever_happens_every_event_is_heard_in_order_its_picture_before_it(actions: list, window: int) -> None:
    line = SendWindow()
    broker = Broker(line, window)
    pictured = {}
    for action in actions:
        if isinstance(action, str):
            getattr(broker, action)()
        else:
            n = len(pictured) + 1
            pictured[n] = action[1] is not None
            broker.keep(row(n, size=action[0], picture=action[1]))
        assert line.flying <= window
    broker.settle()
    assert line.empty
    assert broker.first_heard() == list(pictured)
    for n, has in pictured.items():
        places = [i for i, heard in enumerate(broker.heard) if heard == f"snapshot/{n}"]
        assert bool(places) == has
        assert not has or places[0] < broker.heard.index(str(n))
    done = [settled.row.n for settled in broker.told if not settled.picture]
    assert sorted(done) == list(pictured)


def test_what_was_in_flight_goes_again_before_what_is_newer() -> None:
    broker = Broker(SendWindow(), window=3)
    broker.keep(*map(row, range(1, 6)))
    broker.pump()
    broker.answer()
    broker.lose()
    broker.keep(row(6))
    broker.settle()
    assert broker.heard == ["1", "2", "3", "2", "3", "4", "5", "6"]


def test_nothing_is_taken_without_a_connection_or_for_another() -> None:
    line = SendWindow()
    assert (line.session, line.space) == (0, 0)
    assert not line.put(0, row(1))
    line.open()
    first = line.session
    line.lost()
    line.open()
    assert not line.put(first, row(1))
    assert line.put(line.session, row(1))


def test_it_holds_a_few_only() -> None:
    line = SendWindow()
    line.open()
    taken = [line.put(line.session, row(n)) for n in range(1, ROWS + 10)]
    assert taken.count(True) == ROWS
    assert line.space == 0


@pytest.mark.parametrize("picture", [False, True])
def test_it_holds_few_bytes_and_what_leaves_makes_room(picture: bool) -> None:
    line = SendWindow()
    line.open()
    half = bytes(BYTES // 2)
    for n in range(1, 6):
        large = row(n, picture=half) if picture else row(n, size=len(half))
        assert line.put(line.session, large) is (n <= 2)
    for n in range(2):
        departure = line.take(0.0, 20)
        assert departure is not None
        line.sent(n, departure, 0.0)
        line.answered(n)
    assert line.space > 0


def test_the_outbox_is_pressed_for_answers_before_the_line_stands() -> None:
    line = SendWindow()
    line.open()
    for n in range(1, UNCONFIRMED + 1):
        line.put(line.session, row(n))
    pressed = []
    for n in range(1, UNCONFIRMED + 1):
        pressed.append(line.crowded)
        departure = line.take(0.0, 20)
        assert departure is not None
        line.sent(n, departure, 0.0)
        line.answered(n)
    assert pressed == [False] * (UNCONFIRMED // 2) + [True] * (UNCONFIRMED // 2)
    assert not line.crowded, "nothing waits"


def test_no_more_is_sent_than_may_come_twice() -> None:
    """Until the answers are on the disk."""
    line = SendWindow()
    line.open()
    for n in range(1, 100):
        line.put(line.session, row(n))
    sent = 0
    while (departure := line.take(0.0, 20)) is not None:
        sent += 1
        line.sent(sent, departure, 0.0)
        line.answered(sent)
    assert sent == UNCONFIRMED
    line.confirm(list(range(1, 11)))
    for _ in range(10):
        departure = line.take(0.0, 20)
        assert departure is not None
        sent += 1
        line.sent(sent, departure, 0.0)
    assert line.take(0.0, 20) is None
    line.open()
    line.put(line.session, row(100))
    assert line.take(0.0, 20) is not None, "another connection begins anew"


def test_age_drops_what_nobody_wants_any_more() -> None:
    line = SendWindow()
    broker = Broker(line)
    broker.keep(row(1, happened=0.0, picture=b"old"), row(2, happened=WEEK - 10, picture=b"new"))
    broker.settle(now=WEEK)
    assert broker.heard == ["snapshot/2", "2"]
    assert [(s.row.n, s.outcome) for s in broker.told if not s.picture] == [(1, "expired"), (2, "sent")]
    broker.keep(row(3, happened=WEEK, picture=b"an hour old"))
    broker.settle(now=WEEK + PICTURE_S)
    assert broker.heard[2:] == ["3"]
    assert [(s.row.n, s.outcome) for s in broker.told if s.picture] == [(2, "sent"), (3, "expired")]


@pytest.mark.parametrize("picture", [False, True])
def test_unanswered_bytes_are_bounded_but_one_always_goes(picture: bool) -> None:
    broker = Broker(SendWindow())
    large = bytes(FLYING_BYTES)
    broker.keep(*(row(n, picture=large) if picture else row(n, size=len(large)) for n in (1, 2)))
    broker.pump()
    assert len(broker.heard) == 1
    broker.settle()
    assert broker.first_heard() == [1, 2]


def test_a_refusal_ends_one_event_and_not_the_line() -> None:
    ledger = Ledger()
    ledger.opened(None, now=0.0)
    line = ledger.events
    for n in (1, 2):
        line.put(line.session, row(n, picture=b"jpeg"))
    for mid in (1, 2):
        departure = line.take(0.0, 20)
        assert departure is not None
        line.sent(mid, departure, 0.0)
        ledger.book(mid, 0x87, "Not authorized", 0.0)
    assert ledger.take_refused() == [("snapshot/+", "Not authorized"), ("events", "Not authorized")]
    assert ledger.counters.rejected == {"Not authorized": 2}
    for picture in (True, False):
        departure = line.take(0.0, 20)
        assert departure is not None
        assert (departure.row.n, departure.picture) == (2, picture)
        line.refuse(departure, "Packet too large")
    found = [(s.row.n, s.picture, s.outcome, s.reason) for s in line.settled_rows]
    assert found == [
        (1, True, "rejected", "Not authorized"),
        (1, False, "rejected", "Not authorized"),
        (2, True, "rejected", "Packet too large"),
        (2, False, "rejected", "Packet too large"),
    ]


def test_a_slow_network_is_not_a_frozen_broker_as_long_as_answers_come() -> None:
    ledger = Ledger()
    ledger.opened(None, now=0.0)
    for n in (1, 2):
        ledger.events.put(ledger.events.session, row(n))
        departure = ledger.events.take(0.0, 20)
        assert departure is not None
        ledger.events.sent(n, departure, 0.0)
    assert ledger.frozen_for(8.5) == 8.5
    ledger.book(1, 0, "", 6.0)
    assert ledger.frozen_for(8.5) is None
    assert not ledger.probe_due(13.0)
    assert ledger.frozen_for(14.5) == 8.5


def test_what_is_withdrawn_is_not_told_of_and_counts_in_the_window_until_it_is_answered() -> None:
    line = SendWindow()
    line.open()
    for n in range(1, 6):
        line.put(line.session, row(n))
    for mid in (1, 2, 3):
        departure = line.take(0.0, 3)
        assert departure is not None
        line.sent(mid, departure, float(mid))
    line.answered(1)
    line.withdraw()
    assert not line.settled_rows
    assert (line.space, line.flying, line.oldest_flight()) == (ROWS, 2, 2.0)
    for n in range(11, 16):
        line.put(line.session, row(n))
    departure = line.take(0.0, 3)
    assert departure is not None
    line.sent(4, departure, 4.0)
    assert line.take(0.0, 3) is None
    line.withdraw()
    for mid in (2, 3):
        assert line.answered(mid) is None
    assert line.flying == 1
    assert not line.settled_rows
    line.lost()
    line.withdraw()
    assert (line.session, line.flying) == (0, 0)


def test_without_a_connection_answers_to_former_numbers_are_forgotten_too() -> None:
    line = SendWindow()
    line.open()
    line.put(line.session, row(1))
    departure = line.take(0.0, 3)
    assert departure is not None
    line.sent(1, departure, 0.0)
    line.answered(1)
    line.lost()
    line.withdraw()
    assert not line.settled_rows


def test_a_gap_is_told_however_old_it_is() -> None:
    line = SendWindow()
    broker = Broker(line)
    gap = row(2)
    gap.gap = True
    broker.keep(row(1), gap, row(3))
    broker.settle(now=2 * WEEK)
    assert broker.heard == ["2"]


def test_a_picture_that_flies_when_the_connection_goes_is_told_of_and_one_that_waits_is_not() -> None:
    line = SendWindow()
    line.open()
    line.put(line.session, row(1, picture=b"jpeg"))
    line.put(line.session, row(2, picture=b"jpeg"))
    departure = line.take(0.0, 20)
    assert departure is not None
    line.sent(1, departure, 0.0)
    line.lost()
    assert [(s.row.n, s.outcome, s.picture) for s in line.settled_rows] == [(1, "lost", True)]
