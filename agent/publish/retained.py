"""The last value of every retained topic, and what the broker has yet to be told. Pure, without a lock."""

from __future__ import annotations

from dataclasses import dataclass

WINDOW = 20
"""Values in flight at most: paho's own default, and mosquitto's Receive Maximum."""


@dataclass(slots=True)
class _InFlight:
    topic: str
    payload: bytes
    since: float


class RetainedValues:
    """Coalesces: one value per topic is in flight, whatever comes; only the newest is sent after that.

    window: how many may be unacknowledged; lowered to what the broker allows.
    """

    def __init__(self) -> None:
        self.window = WINDOW
        self._wanted: dict[str, bytes] = {}
        self._held: dict[str, bytes] = {}
        self._due: dict[str, None] = {}
        self._first: set[str] = set()  # of those, what was due when the connection was opened
        self._flying: dict[int, _InFlight] = {}

    def put(self, topic: str, payload: bytes) -> None:
        """An empty payload clears the topic, and is forgotten once the broker has acknowledged it."""
        self._wanted[topic] = payload
        if self._held.get(topic) == payload and all(flight.topic != topic for flight in self._flying.values()):
            self._due.pop(topic, None)
        else:
            self._due.setdefault(topic)

    def again(self, topic: str) -> None:
        """Sends the topic's value once more, though the broker may have it."""
        if topic in self._wanted:
            self._held.pop(topic, None)
            self._due.setdefault(topic)

    def wants(self, topic: str) -> bool:
        """Whether the topic has a value."""
        return topic in self._wanted

    def forget(self, topic: str) -> None:
        """The topic is not to be sent any more; what the broker holds stays."""
        for book in (self._wanted, self._held, self._due):
            book.pop(topic, None)
        self._first.discard(topic)

    def take(self) -> tuple[str, bytes] | None:
        """The next value to send now, oldest wish first, or None. Each must be followed by `sent` or `refused`."""
        if len(self._flying) >= self.window:
            return None
        busy = {flight.topic for flight in self._flying.values()}
        topic = next((topic for topic in self._due if topic not in busy), None)
        if topic is None:
            return None
        del self._due[topic]
        self._first.discard(topic)
        return topic, self._wanted[topic]

    def sent(self, mid: int, topic: str, payload: bytes, now: float) -> None:
        self._flying[mid] = _InFlight(topic, payload, now)

    def refused(self, topic: str, payload: bytes) -> None:
        """The broker would not take it: it waits for a change, or another connection, as if that were its answer."""
        self._held[topic] = payload

    def answered(self, mid: int) -> str | None:
        """The topic of an answered or refused message; refused ones wait for a change. None: not ours."""
        flight = self._flying.pop(mid, None)
        if flight is None:
            return None
        topic = flight.topic
        self._held[topic] = flight.payload
        if topic in self._wanted and self._wanted[topic] == flight.payload:
            self._due.pop(topic, None)
            if not flight.payload:
                self.forget(topic)
        return topic

    def holds(self, topic: str, payload: bytes) -> bool:
        """Whether the broker has answered this very value."""
        return self._held.get(topic) == payload

    def lost(self) -> None:
        """The connection is gone, and nobody knows what the broker keeps: every value is due again."""
        self._flying.clear()
        self._held.clear()
        self._due = dict.fromkeys(self._wanted)
        self._first = set(self._wanted)

    def oldest(self) -> float | None:
        """When the longest unanswered message was sent; None when nothing is in flight."""
        return min((flight.since for flight in self._flying.values()), default=None)

    @property
    def flying(self) -> int:
        """How many are in flight."""
        return len(self._flying)

    @property
    def opening(self) -> bool:
        """Whether values that were due when the connection was opened have yet to be handed over."""
        return bool(self._first)

    @property
    def settled(self) -> bool:
        return not self._due and not self._flying
