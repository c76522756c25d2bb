"""Answers to commands, on their way to who asked: lost with the connection. Pure, without a lock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MOST = 64
"""That wait or fly; one more is dropped."""


@dataclass(frozen=True, slots=True)
class Reply:
    """expiry: seconds after which the broker need not deliver it any more. correlation: as the command had it."""

    topic: str
    payload: bytes
    correlation: bytes | None
    expiry: float


class Replies:
    """In the order of `put`. Each `take` must be followed by `sent`."""

    def __init__(self) -> None:
        self._waiting: deque[Reply] = deque()
        self._flying: dict[int, float] = {}

    def put(self, reply: Reply) -> bool:
        """False when there are too many."""
        if len(self._waiting) + len(self._flying) >= MOST:
            return False
        self._waiting.append(reply)
        return True

    def take(self, window: int) -> Reply | None:
        """The next to be sent. window: how many may be unanswered at once, those of this kind only."""
        if not self._waiting or len(self._flying) >= window:
            return None
        return self._waiting.popleft()

    def sent(self, mid: int, now: float) -> None:
        self._flying[mid] = now

    def answered(self, mid: int) -> bool:
        """False: not ours."""
        return self._flying.pop(mid, None) is not None

    def lost(self) -> int:
        """The connection is gone; how many had not been sent."""
        unsent = len(self._waiting)
        self._waiting.clear()
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
