"""What is handed in to be published, by whichever thread, and what is under way; one lock around all of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from agent.publish.ledger import Ledger
from agent.publish.memory import Memory
from agent.publish.payloads import OFFLINE, ONLINE
from agent.publish.pump import fits, pump, send, show
from agent.publish.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from agent.publish.counters import Counters
    from agent.publish.link import Link
    from agent.publish.outbox.send_window import Row, Settled
    from agent.publish.topics import Topics


class Outgoing:
    """All methods may be called from any thread; none waits for the network.

    memory: the file in which retained topics are remembered. drain_rate: late events a second, 0 for no limit.
    """

    def __init__(self, topics: Topics, memory: Path | None = None, drain_rate: float = 0.0) -> None:
        self._topics = topics
        self.on_events: Callable[[bool], None] = lambda _pressing: None
        """Called on the network thread when more events may be handed over; must only note.

        With True: no event goes until what `settled_events` has is confirmed. Else that may wait: whoever is called for
        each answer spends more on it than on the event.
        """

        self._lock = threading.Lock()  # of everything below; paho's callbacks never take it
        self._ledger = Ledger(Memory(memory), drain_rate)
        self._link: Link | None = None
        self._announced = self._leaving = False
        self._wanted: Callable[[str], bool] | None = None

    @property
    def connected(self) -> bool:
        """Whether the broker has acknowledged `status: online` on the present connection."""
        return self._announced

    @property
    def counters(self) -> Counters:
        with self._lock:
            return self._ledger.counters.copy()

    @property
    def refused(self) -> Mapping[str, str]:
        """What the broker does not take now, topic by topic, and its word for why."""
        with self._lock:
            return dict(self._ledger.refused)

    def retain(self, topic: str, payload: bytes) -> None:
        """The topic's value is now `payload`: QoS 1, sent again on every connect, not when unchanged.

        An empty payload clears the topic. `status` belongs to the publisher itself.
        """
        self.retain_all([(topic, payload)])

    def retain_all(self, values: Iterable[tuple[str, bytes]]) -> None:
        """`retain` for each topic and payload, in one go: what changes together leaves together."""
        with self._lock:
            for topic, payload in values:
                self._ledger.retained.put(topic, payload)
                if payload:
                    self._ledger.memory.add(topic)
            self._pump()

    def again(self, topics: Iterable[str]) -> None:
        """Sends these retained values once more, though they have not changed."""
        with self._lock:
            for topic in topics:
                self._ledger.retained.again(topic)
            self._pump()

    def expect(self, wanted: Callable[[str], bool]) -> None:
        """From now on, what was once retained and is neither told nor `wanted` is emptied, now and at each connection.

        For what a config does not yield any more (a camera, a zone, the device under its old name), and for what the
        run before knew and this one does not: before the device is online, so that all it has retained holds.
        """
        with self._lock:
            self._wanted = wanted
            if self._link is not None:
                self._empty_unwanted()
                self._pump()

    def drop(self, topics: Iterable[str]) -> None:
        """Empties those of these retained topics that were ever published."""
        with self._lock:
            known = set(self._ledger.memory.topics())
            for topic in topics:
                if topic in known:
                    self._ledger.pictures.drop(topic)
                    self._ledger.retained.put(topic, b"")
            self._pump()

    def send(self, topic: str, payload: bytes, expiry: float | None = None) -> bool:
        """A live message, QoS 0. False when dropped: offline, too much unsent, too large for the broker.

        expiry: seconds after which the broker need not deliver it any more.
        """
        with self._lock:
            link = self._link if self._announced else None
            taken = send(link, self._ledger, topic, payload, expiry)
            if link is not None:
                self._book_answers(link, time.monotonic())  # it has left already, in general
            return taken

    def event_space(self) -> tuple[int, int]:
        """The number of this connection, 0 without one, and how many events more may be handed over now."""
        with self._lock:
            line = self._ledger.events
            line.short = not line.space
            return (line.session, line.space) if self._announced else (0, 0)

    def deliver(self, session: int, rows: Sequence[Row]) -> int:
        """Events, QoS 1, sent in order. How many of the first were taken: none if it is too late for that connection.

        With the connection all of them are forgotten that were not answered: whoever keeps them delivers them anew.
        """
        with self._lock:
            line = self._ledger.events
            taken = next((n for n, row in enumerate(rows) if not line.put(session, row)), len(rows))
            if taken:
                self._pump()
            line.short = taken < len(rows) or not line.space
            return taken

    def settled_events(self) -> list[Settled]:
        """What became of events, since the last call."""
        with self._lock:
            settled = self._ledger.events.settled_rows
            return [settled.popleft() for _ in range(len(settled))]

    def confirm_events(self, numbers: list[int]) -> None:
        """These answers are on the disk: as many more may be sent."""
        with self._lock:
            self._ledger.events.confirm(numbers)
            self._pump()

    def withdraw_events(self) -> None:
        """Forgets the events that were handed over, and what became of them; those that fly may arrive all the same."""
        with self._lock:
            self._ledger.events.withdraw()

    def show(self, topic: str, payload: bytes, *, at_once: bool = False) -> None:
        """A camera's latest picture: QoS 0, retained for 24 h, at most one in 10 s; the newest is kept.

        at_once: not after those 10 s, for somebody waits for it. What `expect` does not want any more is dropped.
        """
        with self._lock:
            if self._wanted is not None and not self._wanted(topic):
                return
            self._ledger.pictures.put(topic, payload, time.monotonic(), at_once=at_once)
            self._ledger.memory.add(topic)
            self._pump()

    def takes(self, topic: str, payload: bytes, correlation: bytes | None = None) -> bool:
        """Whether the broker takes a message of this size, as far as it said."""
        link = self._link
        return link is None or fits(link, topic, payload, correlation)

    def reply(self, topic: str, payload: bytes, correlation: bytes | None) -> bool:
        """The answer to a command: QoS 1, lost with the connection. False when it is dropped, and counted."""
        with self._lock:
            dropped = self._ledger.counters.dropped
            if not self.takes(topic, payload, correlation):
                dropped["too_large"] += 1
                return False
            reply = Reply(topic, payload, correlation)
            if self._link is None or not self._announced or not self._ledger.replies.put(reply):
                dropped["reply"] += 1
                return False
            self._pump()
            return True

    def _opened(self, link: Link, listen: Sequence[str]) -> None:
        with self._lock:
            if not self._leaving:
                self._ledger.retained.forget(self._topics.status)
            self._ledger.memory.add(self._topics.status)  # the will may be the first that tells it
            self._empty_unwanted()
            self._ledger.opened(link.window, time.monotonic())
            if listen:
                self._subscribe(link, listen)
            self._link = link

    def _subscribe(self, link: Link, topics: Sequence[str]) -> None:
        """The lock is held."""
        self._ledger.subscribing(link.subscribe(list(topics), qos=1, as_published=True), time.monotonic())

    def _closed(self, *, unexplained: bool = False) -> None:
        """unexplained: by the broker, without a word that says why."""
        with self._lock:
            self._ledger.poison.closed(time.monotonic(), unexplained=unexplained)
            self._link = None
            self._announced = False
            self._ledger.closed()

    def _book(self, link: Link) -> tuple[bool, list[tuple[str, str]]]:
        """Books the answers and sends what waited for them. Whether the device is announced now; what was refused."""
        now = time.monotonic()
        with self._lock:
            self._book_answers(link, now)
            announced = self._announce()
            self._pump()
            refused = self._ledger.take_refused()
            line = self._ledger.events
            told, pressing = announced or (line.short and bool(line.settled_rows)), line.crowded
        if told or pressing:
            self.on_events(pressing)
        return announced, refused

    def _book_answers(self, link: Link, now: float) -> None:
        """The lock is held."""
        for answer in link.answers():
            self._ledger.book(answer.mid, answer.reason, answer.name, now)

    def _announce(self) -> bool:
        """Sends `online` after all that was retained at the opening; True once that is acknowledged. The lock is held.

        What changes meanwhile has its turn before or after: else many that change often would keep the device silent.
        """
        retained, status = self._ledger.retained, self._topics.status
        if self._announced or self._leaving or not self._ledger.subscribed:
            return False
        if not retained.opening and self._link is not None:
            show(self._link, self._ledger, time.monotonic())
            retained.put(status, ONLINE)
        self._announced = retained.holds(status, ONLINE)
        if self._announced:
            self._ledger.counters.connects += 1
        return self._announced

    def _empty_unwanted(self) -> None:
        """The lock is held."""
        ledger = self._ledger
        if self._wanted is None:
            return
        for topic in ledger.memory.topics():
            if not (ledger.retained.wants(topic) or ledger.pictures.holds(topic) or self._wanted(topic)):
                ledger.retained.put(topic, b"")

    def _say_offline(self) -> None:
        """The last word: nothing but retained values follows it. The lock is held."""
        self._leaving, self._announced = True, False
        self._ledger.retained.put(self._topics.status, OFFLINE)
        self._pump()

    def _pump(self) -> None:
        """The lock is held."""
        if self._link is not None:
            pump(self._link, self._ledger, time.monotonic(), announced=self._announced)
            self._link.flush()
