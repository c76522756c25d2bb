from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.publish.backoff import ReconnectBackoff
from agent.publish.ledger import BACKLOG, BACKLOG_BYTES, RETRY_S, Ledger
from agent.publish.replies import Replies
from agent.publish.retained import WINDOW, RetainedValues

REFUSED = 0x87


class Broker:
    """Takes what the values hand over, in order; acknowledges when told to."""

    def __init__(self, values: RetainedValues) -> None:
        self.values = values
        self.kept: dict[str, bytes] = {}
        self.received: list[tuple[str, bytes]] = []
        self.unanswered: list[int] = []
        self._mid = 0

    def pump(self) -> None:
        while (value := self.values.take()) is not None:
            self._mid += 1
            self.received.append(value)
            self.kept[value[0]] = value[1]
            self.unanswered.append(self._mid)
            self.values.sent(self._mid, *value, now=float(self._mid))

    def answer(self) -> None:
        if self.unanswered:
            self.values.answered(self.unanswered.pop(0))

    def settle(self) -> None:
        self.pump()
        while self.unanswered:
            self.answer()
            self.pump()


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["t1", "t2", "t3"]), st.sampled_from([b"a", b"b", b""])),
        st.sampled_from(["pump", "answer", "lost"]),
    ),
    max_size=40,
)


@given(ACTIONS)
def test_whatever_happens_the_broker_ends_with_the_last_values(actions: list) -> None:
    values = RetainedValues()
    broker = Broker(values)
    wanted: dict[str, bytes] = {}
    for action in actions:
        if action == "pump":
            broker.pump()
        elif action == "answer":
            broker.answer()
        elif action == "lost":
            values.lost()
            broker.unanswered.clear()
        else:
            topic, payload = action
            values.put(topic, payload)
            wanted[topic] = payload
    broker.settle()
    assert values.settled
    assert values.oldest() is None
    assert {t: v for t, v in broker.kept.items() if v} == {t: v for t, v in wanted.items() if v}


def test_what_changes_while_in_flight_is_coalesced_and_the_unchanged_is_not_sent() -> None:
    values = RetainedValues()
    broker = Broker(values)
    for payload in (b"1", b"2", b"3", b"3"):
        values.put("t", payload)
        broker.pump()
    assert broker.received == [("t", b"1")]
    broker.settle()
    values.put("t", b"3")
    broker.settle()
    assert broker.received == [("t", b"1"), ("t", b"3")]


def test_a_value_that_came_back_while_it_flew_is_not_sent_again() -> None:
    values = RetainedValues()
    values.put("t", b"1")
    values.sent(1, *(values.take() or ("", b"")), now=0.0)
    values.put("t", b"2")
    values.put("t", b"1")
    values.answered(1)
    assert values.take() is None
    assert values.settled


def test_a_value_that_cannot_be_sent_is_not_tried_again_until_it_changes() -> None:
    values = RetainedValues()
    values.put("t", b"1")
    assert values.take() == ("t", b"1")
    values.refused("t", b"1")
    values.put("t", b"1")
    assert values.take() is None
    values.put("t", b"2")
    assert values.take() == ("t", b"2")


def test_the_reply_that_is_longest_under_way_counts() -> None:
    replies = Replies()
    assert replies.oldest() is None
    for mid, now in ((1, 10.0), (2, 20.0)):
        replies.sent(mid, now)
    assert replies.oldest() == 10.0
    assert replies.answered(1)
    assert replies.oldest() == 20.0


def test_after_a_loss_everything_is_sent_again_in_order_except_what_was_cleared() -> None:
    values = RetainedValues()
    broker = Broker(values)
    for topic, payload in (("a", b"1"), ("gone", b"x"), ("b", b"2"), ("gone", b"")):
        values.put(topic, payload)
    broker.settle()
    broker.received.clear()
    values.lost()
    broker.settle()
    assert broker.received == [("a", b"1"), ("b", b"2")]


def test_never_more_in_flight_than_the_window() -> None:
    values = RetainedValues()
    broker = Broker(values)
    for n in range(3 * WINDOW):
        values.put(f"t{n}", b"v")
    broker.pump()
    assert len(broker.unanswered) == WINDOW
    broker.settle()
    assert [topic for topic, _ in broker.received] == [f"t{n}" for n in range(3 * WINDOW)]


def test_a_refused_value_is_named_and_waits_for_a_change() -> None:
    ledger = Ledger()
    ledger.retained.put("t", b"1")
    assert ledger.retained.take() == ("t", b"1")
    ledger.retained.sent(1, "t", b"1", 0.0)
    ledger.book(1, REFUSED, "Not authorized", 0.1)
    assert ledger.take_refused() == [("t", "Not authorized")]
    assert ledger.take_refused() == []
    assert ledger.counters.rejected == {"Not authorized": 1}
    assert ledger.retained.take() is None
    ledger.retained.put("t", b"2")
    assert ledger.retained.take() == ("t", b"2")


def test_a_refused_value_is_tried_again_after_a_while_for_the_rules_may_be_others() -> None:
    ledger = Ledger()
    ledger.opened(None, now=0.0)
    for mid, now in ((1, 10.0), (2, 10.0 + RETRY_S)):
        ledger.retained.put("t", b"1")
        assert ledger.retained.take() == ("t", b"1")
        ledger.retained.sent(mid, "t", b"1", now)
        ledger.book(mid, REFUSED, "Not authorized", now)
        ledger.retry(now + RETRY_S - 1)
        assert ledger.retained.take() is None
        ledger.retry(now + RETRY_S)
    assert ledger.retained.take() == ("t", b"1")
    ledger.retained.sent(3, "t", b"1", 200.0)
    ledger.book(3, 0, "", 200.0)
    assert ledger.refused == {}
    ledger.retry(900.0)
    assert ledger.retained.take() is None


def test_a_topic_is_remembered_until_the_broker_has_emptied_it() -> None:
    ledger = Ledger()
    ledger.memory.add("t")
    for mid, payload in enumerate([b"1", b""]):
        assert ledger.memory.topics() == ("t",)
        ledger.retained.put("t", payload)
        ledger.retained.take()
        ledger.retained.sent(mid, "t", payload, 0.0)
        ledger.book(mid, 0, "", 0.1)
    assert ledger.memory.topics() == ()
    assert ledger.counters.retained == 2


def test_the_backlog_of_live_messages_is_bounded_by_number_and_by_size() -> None:
    ledger = Ledger()
    for mid in range(BACKLOG):
        assert not ledger.full
        ledger.live(mid, 100)
    assert ledger.full
    ledger.book(0, 0, "", 0.0)
    assert not ledger.full
    ledger.live(1000, BACKLOG_BYTES)
    assert ledger.full
    ledger.closed()
    assert not ledger.full
    assert (ledger.counters.sent, ledger.counters.dropped["lost"]) == (1, BACKLOG)


def test_silence_is_noticed_with_and_without_something_in_flight() -> None:
    ledger = Ledger()
    ledger.opened(None, now=100.0)
    assert not ledger.probe_due(104.0)
    assert ledger.probe_due(106.0)
    ledger.probed(7, 106.0)
    assert not ledger.probe_due(200.0)
    assert ledger.frozen_for(113.0) is None
    assert ledger.frozen_for(115.0) == 9.0
    ledger.book(7, 0x11, "", 115.0)
    assert ledger.frozen_for(115.0) is None
    ledger.live(8, 10)
    ledger.book(8, 0, "", 119.0)
    assert ledger.probe_due(121.0), "that a live message was written says nothing of the broker"


@given(st.lists(st.tuples(st.sampled_from([0.0, 5.0, 150.0]), st.booleans()), max_size=60), st.floats(0.5, 30))
def test_waits_stay_within_their_bounds_and_start_anew(history: list[tuple[float, bool]], maximum: float) -> None:
    backoff = ReconnectBackoff(maximum)
    for lasted, slow in history:
        delay = backoff.after(lasted, slow=slow)
        assert min(0.5, maximum / 2) <= delay <= (60.0 if slow else maximum)
        if lasted > 120:
            assert delay <= 1


def test_two_clients_that_push_each_other_out_come_to_wait_a_minute() -> None:
    backoff, delay = ReconnectBackoff(5.0), 0.0
    for _ in range(12):
        delay = backoff.after(lasted=delay, slow=True)
    assert delay >= 30


def test_waits_double_up_to_the_maximum() -> None:
    backoff = ReconnectBackoff(5.0)
    delays = [backoff.after(0.0, slow=False) for _ in range(8)]
    for delay, limit in zip(delays, (1, 2, 4, 5, 5, 5, 5, 5), strict=True):
        assert limit / 2 <= delay <= limit


def test_a_broker_that_only_starts_is_asked_twice_as_often() -> None:
    backoff = ReconnectBackoff(40.0)
    waits = [backoff.after(0.0, slow=False, quick=True) for _ in range(10)]
    assert 10 <= waits[-1] <= 20


def test_a_subscription_that_is_never_answered_is_a_frozen_broker() -> None:
    ledger = Ledger()
    ledger.opened(None, now=100.0)
    ledger.subscribing(1, 100.0)
    assert not ledger.subscribed
    assert not ledger.probe_due(106.0)
    assert ledger.frozen_for(109.0) == 9.0
    ledger.book(1, 1, "", 109.0)
    assert ledger.subscribed
    assert ledger.frozen_for(109.0) is None


def test_values_that_change_all_the_time_do_not_hold_up_what_comes_after_the_opening() -> None:
    values = RetainedValues()
    broker = Broker(values)
    for n in range(2 * WINDOW):
        values.put(f"t{n}", b"0")
    values.lost()
    for turn in range(6 * WINDOW):
        broker.pump()
        if not values.opening:
            values.put("status", b"online")
        broker.answer()
        for n in range(2 * WINDOW):
            values.put(f"t{n}", b"%d" % turn)
    topics = [topic for topic, _ in broker.received]
    assert set(topics[: 2 * WINDOW]) == {f"t{n}" for n in range(2 * WINDOW)}
    assert "status" in topics
    values.lost()
    values.forget("status")
    assert values.opening


def test_one_answer_that_never_comes_is_not_waited_for_though_others_do() -> None:
    ledger = Ledger()
    ledger.opened(None, now=100.0)
    ledger.probed(7, 100.0)
    ledger.book(8, 0, "", 150.0)
    assert ledger.frozen_for(155.0) is None
    ledger.book(9, 0, "", 160.0)
    ledger.retained.sent(10, "t", b"1", 160.0)
    assert ledger.frozen_for(161.0) == 61.0


def test_a_subscription_that_is_refused_is_asked_for_again() -> None:
    ledger = Ledger()
    ledger.opened(None, now=100.0)
    ledger.subscribing(1, 100.0)
    ledger.book(1, REFUSED, "Not authorized", 100.1)
    assert ledger.take_refused() == [("cmd/+", "Not authorized")]
    assert not ledger.subscription_due(150.0)
    assert ledger.subscription_due(161.0)
    ledger.subscribing(2, 161.0)
    assert not ledger.subscription_due(300.0)
    ledger.book(2, 1, "", 161.1)
    assert not ledger.refused


def test_a_picture_that_follows_the_emptying_of_its_topic_is_remembered() -> None:
    """As after an edit of what is private: else it would stay at the broker when its camera is taken away."""
    ledger = Ledger()
    ledger.opened(None, now=0.0)
    ledger.memory.add("cam/gate/snapshot")
    ledger.retained.put("cam/gate/snapshot", b"")
    ledger.retained.sent(1, *ledger.retained.take(), now=0.0)
    ledger.pictures.put("cam/gate/snapshot", b"masked", 0.1)
    ledger.book(1, 0, "", 0.2)
    assert ledger.memory.topics() == ("cam/gate/snapshot",)
