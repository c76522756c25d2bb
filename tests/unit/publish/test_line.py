from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.publish.gaps import Gap
from agent.publish.ledger import Ledger
from agent.publish.line import FLYING_BYTES, PICTURE_S, PICTURE_TRIES, EventLine, Row

if TYPE_CHECKING:
    from agent.publish.line import Departure

WEEK = 7 * 86400.0


def row(
    seq: int, *, size: int = 10, picture: bytes | None = None, happened: float = 0.0, gap: Gap | None = None
) -> Row:
    return Row(seq, "events", bytes(size), happened, happened + WEEK, picture, f"snapshot/{seq}", gap)


class Broker:
    """Hears what the line hands over, answers in order when told to."""

    def __init__(self, line: EventLine, window: int = 20) -> None:
        self.line = line
        self.window = window
        self.heard: list[str] = []
        self.unanswered: list[int] = []
        self._mid = 0

    def pump(self, now: float = 0.0) -> None:
        while (departure := self.line.take(now, self.window)) is not None:
            self._mid += 1
            self.heard.append(name(departure))
            self.unanswered.append(self._mid)
            self.line.sent(self._mid, departure, now)

    def answer(self) -> None:
        if self.unanswered:
            self.line.answered(self.unanswered.pop(0))

    def lose(self) -> None:
        self.unanswered.clear()
        self.line.lost()

    def settle(self, now: float = 0.0) -> None:
        self.pump(now)
        while self.unanswered:
            self.answer()
            self.pump(now)

    def first_heard(self) -> list[int]:
        """Numbers of events in the order in which a subscriber who drops doubles hears them."""
        return [int(n) for n in dict.fromkeys(self.heard) if not n.startswith("snapshot")]


def name(departure: Departure) -> str:
    return departure.topic if departure.picture else str(departure.row.seq)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([10, 400]), st.sampled_from([None, b"", b"jpeg", b"a large picture"])),
        st.sampled_from(["pump", "answer", "lose", "tell"]),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(ACTIONS, st.integers(1, 4))
def test_whatever_happens_every_event_is_heard_in_order_or_told_as_missing(actions: list, window: int) -> None:
    line = EventLine(rows=8, size=1500, picture_size=40)
    broker = Broker(line, window)
    seq = events = 0
    gaps: dict[int, Gap] = {}

    def tell() -> None:
        nonlocal seq
        untold = line.untold()
        if untold is not None:
            seq += 1
            gaps[seq] = untold[1]
            line.put(row(seq, gap=untold[1]))

    for action in actions:
        if action == "pump":
            broker.pump()
        elif action == "answer":
            broker.answer()
        elif action == "lose":
            broker.lose()
        elif action == "tell":
            tell()
        else:
            seq += 1
            events += 1
            line.put(row(seq, size=action[0], picture=action[1]))
        assert line.flying <= window
        assert line.depth <= 8
        assert line.bytes <= 1500 + 40
    for _ in range(8):
        broker.settle()
        tell()
    assert line.settled
    assert (line.depth, line.bytes, line.flying) == (0, 0, 0)
    heard = broker.first_heard()
    assert heard == sorted(heard)
    heard_gaps = [gaps[n] for n in heard if n in gaps]
    missing = set(range(1, seq + 1)) - set(heard) - gaps.keys()
    assert all(any(gap.first <= n <= gap.last for gap in heard_gaps) for n in missing)
    assert line.missed["overflow"] >= len(missing), "one that was sent, not answered and then dropped counts too"
    assert sum(gap.count for gap in heard_gaps) == line.missed["overflow"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["pump", "answer", "lose"]), max_size=40), st.integers(1, 20))
def test_a_picture_is_heard_before_its_event(actions: list[str], window: int) -> None:
    line = EventLine()
    broker = Broker(line, window)
    for seq in range(1, 6):
        line.put(row(seq, picture=b"jpeg" if seq % 2 else None))
    for action in actions:
        getattr(broker, action)()
    broker.settle()
    assert broker.first_heard() == [1, 2, 3, 4, 5]
    for seq in (1, 3, 5):
        pictures = [i for i, heard in enumerate(broker.heard) if heard == f"snapshot/{seq}"]
        if actions.count("lose") < PICTURE_TRIES:
            assert pictures
        assert not pictures or pictures[0] < broker.heard.index(str(seq))
        assert len(pictures) <= PICTURE_TRIES


def test_what_was_in_flight_goes_again_before_what_is_newer() -> None:
    line = EventLine()
    broker = Broker(line, window=3)
    for seq in range(1, 6):
        line.put(row(seq))
    broker.pump()
    broker.answer()
    broker.lose()
    line.put(row(6))
    broker.settle()
    assert broker.heard == ["1", "2", "3", "2", "3", "4", "5", "6"]


def test_the_oldest_are_dropped_and_told_once_there_is_room() -> None:
    line = EventLine(rows=4)
    broker = Broker(line)
    for seq in range(1, 8):
        line.put(row(seq))
    assert line.untold() is None
    broker.settle()
    assert broker.heard == ["4", "5", "6", "7"]
    assert line.untold() == ("overflow", Gap(1, 3, 3))
    assert line.untold() is None


def test_a_gap_event_that_is_dropped_lives_on_in_the_next() -> None:
    line = EventLine(rows=4)
    line.put(row(10, gap=Gap(1, 9, 9)))
    for seq in range(11, 16):
        line.put(row(seq))
    Broker(line).settle()
    assert line.untold() == ("overflow", Gap(1, 11, 10))
    assert line.missed == {"overflow": 1}


def test_age_drops_what_nobody_wants_any_more() -> None:
    line = EventLine()
    broker = Broker(line)
    line.put(row(1, happened=0.0, picture=b"old"))
    line.put(row(2, happened=WEEK - 10, picture=b"new"))
    broker.settle(now=WEEK)
    assert broker.heard == ["snapshot/2", "2"]
    assert line.untold() == ("expired", Gap(1, 1, 1))
    line.put(row(3, happened=WEEK, picture=b"an hour old"))
    broker.settle(now=WEEK + PICTURE_S)
    assert broker.heard[2:] == ["3"]
    assert line.missed == {"expired": 1, "snapshots": 2}


def test_pictures_have_a_bound_of_their_own_and_take_no_event_with_them() -> None:
    line = EventLine(picture_size=25)
    broker = Broker(line)
    for seq in range(1, 5):
        line.put(row(seq, picture=bytes(10)))
    broker.settle()
    assert broker.heard == ["1", "2", "snapshot/3", "3", "snapshot/4", "4"]
    assert line.missed == {"snapshots": 2}


def test_a_picture_that_goes_down_with_the_connection_again_and_again_is_given_up() -> None:
    line = EventLine()
    broker = Broker(line)
    line.put(row(1, picture=b"too large for a broker that cannot say so"))
    for _ in range(PICTURE_TRIES + 1):
        broker.pump()
        broker.lose()
    assert broker.heard == ["snapshot/1", "1"] * PICTURE_TRIES + ["1"]


@pytest.mark.parametrize("picture", [False, True])
def test_unanswered_bytes_are_bounded_but_one_always_goes(picture: bool) -> None:
    line = EventLine()
    broker = Broker(line)
    large = bytes(FLYING_BYTES)
    for seq in (1, 2):
        line.put(row(seq, picture=large) if picture else row(seq, size=len(large)))
    broker.pump()
    assert len(broker.heard) == 1
    broker.settle()
    assert broker.first_heard() == [1, 2]


def test_a_refusal_ends_one_event_and_not_the_line() -> None:
    ledger = Ledger()
    for seq in (1, 2):
        ledger.events.put(row(seq, picture=b"jpeg"))
    for mid in (1, 2):
        departure = ledger.events.take(0.0, 20)
        assert departure is not None
        ledger.events.sent(mid, departure, 0.0)
        ledger.book(mid, 0x87, "Not authorized", 0.0)
    assert ledger.take_refused() == [("snapshot/+", "Not authorized"), ("events", "Not authorized")]
    assert ledger.counters.rejected == {"Not authorized": 2}
    departure = ledger.events.take(0.0, 20)
    assert departure is not None
    ledger.events.refuse(departure)
    assert ledger.counters.missed == {"snapshots": 1}
    departure = ledger.events.take(0.0, 20)
    assert departure is not None
    assert departure.row.seq == 2
    ledger.events.refuse(departure)
    assert ledger.events.settled
    assert ledger.events.untold() is None


def test_a_slow_network_is_not_a_frozen_broker_as_long_as_answers_come() -> None:
    ledger = Ledger()
    ledger.opened(None, now=0.0)
    for seq in (1, 2):
        ledger.events.put(row(seq))
        departure = ledger.events.take(0.0, 20)
        assert departure is not None
        ledger.events.sent(seq, departure, 0.0)
    assert ledger.frozen_for(8.5) == 8.5
    ledger.book(1, 0, "", 6.0)
    assert ledger.frozen_for(8.5) is None
    assert not ledger.probe_due(13.0)
    assert ledger.frozen_for(14.5) == 8.5
