"""Answers to commands, on their way to who asked: lost with the connection. Pure, without a lock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MOST, MOST_BYTES = 512, 8 << 20
"""That wait or fly, and bytes of those that wait: one more is dropped. As many commands as may come at once
(`Rates`) are answered, even if the main thread has done them all before the network thread has its turn."""

EXPIRY_S = 60.0
"""After which the broker need not deliver it any more."""


@dataclass(frozen=True, slots=True)
class Reply:
    """correlation: as the command had it."""

    topic: str
    payload: bytes
    correlation: bytes | None


class Replies:
    """In the order of `put`. Each `take` must be followed by `sent`."""

    def __init__(self) -> None:
        self._waiting: deque[Reply] = deque()
        self._bytes = 0
        self._flying: dict[int, float] = {}

    def put(self, reply: Reply) -> bool:
        """False when there are too many."""
        size = self._bytes + len(reply.payload)
        if len(self._waiting) + len(self._flying) >= MOST or (self._waiting and size > MOST_BYTES):
            return False
        self._waiting.append(reply)
        self._bytes = size
        return True

    def take(self, window: int) -> Reply | None:
        """The next to be sent. window: how many may be unanswered at once, those of this kind only."""
        if not self._waiting or len(self._flying) >= window:
            return None
        reply = self._waiting.popleft()
        self._bytes -= len(reply.payload)
        return reply

    def sent(self, mid: int, now: float) -> None:
        self._flying[mid] = now

    def answered(self, mid: int) -> bool:
        """False: not ours."""
        return self._flying.pop(mid, None) is not None

    def lost(self) -> int:
        """The connection is gone; how many had not been sent."""
        unsent = len(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        self._flying.clear()
        return unsent

    def oldest(self) -> float | None:
        """When the longest unanswered one was sent; None when nothing is in flight."""
        return min(self._flying.values(), default=None)

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    @property
    def flying(self) -> int:
        return len(self._flying)
