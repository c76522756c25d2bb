"""What waits for the outbox's thread: events that happened, answers that came, ranges to be sent again."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.publish.events import Event

QUEUE = 2000
QUEUE_PIXELS = 32 << 20
"""Bytes of pictures that may wait to be encoded; an event beyond that goes without its own."""
BATCH = 100
REPLAYS = 8
REST_S = 0.02
"""Between two takes, unless something presses: a transaction and its wake-ups cost as much as many events."""


@dataclass(frozen=True, slots=True)
class Work:
    """events: each with how many were skipped before it. skipped: after the last. replays: first and last seq.

    closing: nothing more will come. bare: how many events came without the picture they had, for want of room.
    pressing: somebody waits for what was answered to be on the disk.
    """

    events: list[tuple[int, Event]]
    skipped: int
    replays: list[tuple[int, int]]
    closing: bool
    bare: int
    pressing: bool


class Intake:
    """`put`, `replay` and `wake` may be called from any thread and never wait; `take` belongs to the outbox's."""

    def __init__(self) -> None:
        self._changed = threading.Condition()  # its lock is of everything below
        self._queue: deque[tuple[int, Event]] = deque()
        self._replays: list[tuple[int, int]] = []
        self._replaying = 0  # those and the ones under way
        self._pixels = self._skipped = self._bare = 0
        self._woken = self._closing = False
        self._pressing = self._resting = False
        self._rested_at = 0.0

    def put(self, event: Event) -> bool:
        """False when there was no room: it is counted, and told by a gap event."""
        with self._changed:
            if self._closing or len(self._queue) >= QUEUE:
                self._skipped += 1
                return False
            pixels = _pixels(event)
            if pixels and self._pixels + pixels > QUEUE_PIXELS:
                event, pixels = replace(event, picture=None), 0
                self._bare += 1
            self._pixels += pixels
            self._queue.append((self._skipped, event))
            self._skipped = 0
            self._notify(pressing=len(self._queue) >= BATCH)
        return True

    def replay(self, first: int, last: int) -> bool:
        """False when too many wait or are under way already; `replayed` ends one."""
        with self._changed:
            if self._replaying >= REPLAYS:
                return False
            self._replaying += 1
            self._replays.append((first, last))
            self._notify()
        return True

    def replayed(self) -> None:
        with self._changed:
            self._replaying -= 1

    def wake(self, *, pressing: bool = False) -> None:
        """There is something to be done besides: answers, or room in the line. pressing: somebody waits for it."""
        with self._changed:
            self._woken = True
            self._notify(pressing=pressing)

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._notify(pressing=True)

    def take(self, timeout: float) -> Work:
        """Waits for at most `timeout` seconds, and a little longer if the last call was just now."""
        with self._changed:
            if not (self._queue or self._replays or self._woken or self._closing):
                self._changed.wait(timeout)
            rest = self._rested_at - time.monotonic()
            if rest > 0 and not self._pressing:
                self._resting = True
                self._changed.wait(rest)
                self._resting = False
            self._rested_at = time.monotonic() + REST_S
            pressing, self._pressing = self._pressing, self._closing
            events = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            self._pixels -= sum(_pixels(event) for _, event in events)
            skipped = 0
            if not self._queue:
                skipped, self._skipped = self._skipped, 0
            work = Work(events, skipped, self._replays, self._closing and not self._queue, self._bare, pressing)
            self._replays, self._woken, self._bare = [], False, 0
            return work

    def _notify(self, *, pressing: bool = False) -> None:
        self._pressing |= pressing
        if pressing or not self._resting:
            self._changed.notify()


def _pixels(event: Event) -> int:
    return event.picture.image.nbytes if event.picture is not None else 0
