"""What goes over a connection, and how much at once. The link is a double: it proves nothing of paho or brokers."""

from __future__ import annotations

from typing import Any

import pytest

from agent.publish.commands.limits import Rates
from agent.publish.ledger import Ledger
from agent.publish.outbox.send_window import Row
from agent.publish.pump import fits, pump, send
from agent.publish.replies import MOST, MOST_BYTES, Replies, Reply

WEEK = 7 * 86400.0


class Wire:
    """Keeps what is published; `answer` says that the broker has the oldest."""

    def __init__(self, ledger: Ledger, window: int, largest: int | None = None) -> None:
        self.largest = largest
        self.ledger = ledger
        self.unanswered: list[int] = []
        self.topics: list[str] = []
        ledger.opened(window, 0.0)

    def publish(self, topic: str, payload: bytes, *, qos: int, **_: Any) -> int:
        self.topics.append(topic)
        mid = len(self.topics)
        if qos:
            self.unanswered.append(mid)
        return mid

    def pump(self, now: float = 0.0) -> None:
        pump(self, self.ledger, now, announced=True)  # type: ignore[arg-type]

    def answer(self) -> None:
        self.ledger.book(self.unanswered.pop(0), 0, "", 0.0)


def row(n: int, happened: float = 0.0) -> Row:
    return Row(n, "e", n, "events", b"{}", happened, happened + WEEK)


def reply(n: int) -> Reply:
    return Reply(f"reply/{n}", b"{}", None)


@pytest.mark.parametrize("window", [1, 2, 10, 20])
def test_never_more_unanswered_than_the_broker_takes_whatever_it_is(window: int) -> None:
    ledger = Ledger()
    wire = Wire(ledger, window)
    for n in range(1, 31):
        ledger.events.put(ledger.events.session, row(n))
    wire.pump()
    for n in range(30):
        assert ledger.replies.put(reply(n))
        ledger.retained.put(f"value/{n}", b"1")
        wire.pump()
        assert len(wire.unanswered) <= window
    while wire.unanswered:
        wire.answer()
        wire.pump()
        assert len(wire.unanswered) <= window
        assert ledger.replies.flying <= max(1, window // 2)
        done = [settled.row.n for settled in ledger.events.settled_rows]
        ledger.events.confirm(done)
    assert len(wire.topics) == 90
    assert [topic for topic in wire.topics if topic.startswith("reply")] == [f"reply/{n}" for n in range(30)]


@pytest.mark.parametrize("window", [1, 2, 20])
def test_each_kind_has_its_turns_though_all_have_more_than_the_broker_takes(window: int) -> None:
    """Values that change faster than they are answered kept the events back for ever."""
    ledger = Ledger()
    wire = Wire(ledger, window)
    for n in range(1, 61):
        ledger.events.put(ledger.events.session, row(n))
        ledger.events.confirm(list(range(n)))
        for v in range(30):
            ledger.retained.put(f"value/{v}", b"%d" % n)
        ledger.replies.put(reply(n))
        wire.pump()
        wire.answer()
    went = [topic.partition("/")[0] for topic in wire.topics]
    assert all(went.count(kind) >= 15 for kind in ("events", "value", "reply")), went


def test_replies_that_wait_are_bounded_and_those_never_sent_are_counted() -> None:
    ledger = Ledger()
    wire = Wire(ledger, 20)
    assert [ledger.replies.put(reply(n)) for n in range(MOST + 2)] == [True] * MOST + [False] * 2
    wire.pump()
    ledger.closed()
    assert ledger.counters.dropped == {"reply": MOST - 10}


def test_there_is_room_for_the_replies_to_all_commands_that_may_come_at_once() -> None:
    rates, replies = Rates(), Replies()
    taken = sum(rates.allows(name, 0.0) for name in ("ping", "replay") for _ in range(1000))
    assert all(replies.put(reply(n)) for n in range(taken))


def test_replies_that_wait_are_bounded_by_their_size_and_one_alone_always_waits() -> None:
    replies = Replies()
    large = Reply("reply/me", bytes(MOST_BYTES // 2 + 1), None)
    assert [replies.put(large), replies.put(large), replies.put(reply(1))] == [True, False, True]
    assert replies.take(20) is large
    assert replies.put(large)
    assert replies.lost() == 2
    assert replies.put(Reply("reply/me", bytes(MOST_BYTES + 1), None))


def test_what_a_late_event_waits_for_is_known() -> None:
    ledger = Ledger(drain_rate=10.0)
    wire = Wire(ledger, 20)
    for n in (1, 2):
        ledger.events.put(ledger.events.session, row(n, happened=-60.0))
    wire.pump(100.0)
    assert len(wire.topics) == 1
    assert ledger.late_due == pytest.approx(100.1)
    wire.pump(100.1)
    assert (len(wire.topics), ledger.late_due) == (2, None)


def test_correlation_data_has_its_size_too() -> None:
    wire = Wire(Ledger(), 20, largest=3000)
    assert fits(wire, "t", bytes(2900))  # type: ignore[arg-type]
    assert not fits(wire, "t", bytes(2900), bytes(1024))  # type: ignore[arg-type]


def test_a_topic_counts_by_its_bytes() -> None:
    """A caller names the topic of the answer: one that is too large by that would end the connection."""
    wire = Wire(Ledger(), 20, largest=1000)
    assert fits(wire, "r/" + 200 * "a", bytes(700))  # type: ignore[arg-type]
    assert not fits(wire, "r/" + 200 * "\N{MOVIE CAMERA}", bytes(700))  # type: ignore[arg-type]


def test_what_was_too_large_once_is_told_no_more_when_the_next_fits_or_another_broker_comes() -> None:
    ledger = Ledger()
    wire = Wire(ledger, 20, largest=1000)
    ledger.pictures.put("snapshot", bytes(2000), 0.0)
    wire.pump()
    assert ledger.refused == {"snapshot": "Packet too large"}
    ledger.pictures.put("snapshot", b"small", 1.0, at_once=True)
    wire.pump(1.0)
    assert wire.topics == ["snapshot"]
    assert not ledger.refused
    ledger.retained.put("value", bytes(2000))
    wire.pump(2.0)
    assert ledger.refused
    other = Wire(ledger, 20)
    assert not ledger.refused
    other.pump(3.0)
    assert "value" in other.topics


def test_a_live_message_too_large_for_the_broker_is_told_until_one_fits() -> None:
    """As health may be, of many cameras: it was missing without a word."""
    ledger = Ledger()
    wire = Wire(ledger, 20, largest=1000)
    assert not send(wire, ledger, "health", bytes(2000), 30.0)  # type: ignore[arg-type]
    assert ledger.refused == {"health": "Packet too large"}
    assert ledger.take_refused() == [("health", "Packet too large")]
    assert ledger.counters.dropped == {"too_large": 1}
    assert send(wire, ledger, "health", b"{}", 30.0)  # type: ignore[arg-type]
    assert not ledger.refused


def test_a_subscription_that_was_refused_once_may_be_granted_by_the_next_connection() -> None:
    ledger = Ledger()
    Wire(ledger, 20)
    ledger.subscribing(1, 0.0)
    ledger.book(1, 0x87, "Not authorized", 0.0)
    assert ledger.refused == {"cmd/+": "Not authorized"}
    Wire(ledger, 20)
    ledger.subscribing(1, 1.0)
    ledger.book(1, 1, "", 1.0)
    assert not ledger.refused
