"""Leases on the log: the last lines at once, then live ones in batches, until the time is up."""

from __future__ import annotations

import json
import logging
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.publish.tail.line import batches

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.publish.tail.line import Line
    from agent.publish.tail.ring import Ring

MOST = 8
"""Who may read at once."""
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_MOST_LINES = 200
_AWAY_S = 1.0
"""Between two looks whether the broker is back."""


@dataclass(frozen=True, slots=True)
class Lease:
    """until: time.monotonic(). rate: batches a second. part: see `Line.matches`.

    again: from then on the last lines may be sent once more. outage: how many were noticed before it.
    """

    until: float
    level: int
    rate: float
    part: str
    outage: int
    again: float = 0.0

    def same(self, other: Lease) -> bool:
        """But for its times."""
        return (self.level, self.part, self.outage) == (other.level, other.part, other.outage)


class Tail:
    """Belongs to the main thread.

    send: publishes one batch; False when it is dropped. set_level: called with the least level that is read now.
    connected: whether anything can be sent. What is logged while it cannot waits, as live lines do; who was cut off
    with the broker hears the last lines once more when they renew.
    All who read hear the same topic: it has what any of them wants, at the pace of the fastest. The level, the
    number of batches and of lines a second, and what waits are bounded, whatever is logged.
    """

    def __init__(
        self,
        ring: Ring,
        send: Callable[[bytes], bool],
        set_level: Callable[[int | None], None],
        connected: Callable[[], bool],
    ) -> None:
        self._ring = ring
        self._send = send
        self._set_level = set_level
        self._connected = connected
        self._outage, self._away = 0, False
        self._leases: dict[str, Lease] = {}
        self._ready: deque[bytes] = deque()  # batches, sent one at a time
        self._next = 0.0
        self._lost = 0  # lines that were dropped on their way

    def lease(self, reader: str, level: str, ttl: float, rate: float, part: str, now: float) -> int | None:
        """How many of the last lines are sent first; None when too many read already.

        reader: who renews by this name; the last lines are not sent again, and for another level or filter, or after
        an outage, no sooner than the rate allows. ttl: seconds; 0 ends it.
        """
        before = self._leases.pop(reader, None)
        if ttl <= 0:
            self._listen()
            return 0
        if len(self._leases) >= MOST:
            return None
        again = 0.0 if before is None else before.again
        lease = self._leases[reader] = Lease(now + ttl, LEVELS[level], rate, part.casefold(), self._outage, again)
        self._listen()
        if before is not None and (before.same(lease) or now < again):
            return 0
        last = [line for line in self._ring.last() if line.matches(lease.level, lease.part)]
        made = batches((line.encoded() for line in last), 0)
        self._leases[reader] = replace(lease, again=now + len(made) / rate)
        for batch in made:
            self._tell(batch)
        return len(last)

    def due(self) -> float | None:
        """time.monotonic() at which `turn` is wanted; None: not before the ring wakes somebody."""
        if not self._leases:
            return None
        end = min(lease.until for lease in self._leases.values())
        return min(end, self._next) if self._ready or self._ring.waiting else end

    def turn(self, now: float) -> None:
        """Sends what is due, and ends what is over."""
        over = [reader for reader, lease in self._leases.items() if now >= lease.until]
        for reader in over:
            del self._leases[reader]
        if over:
            self._listen()
        if not self._leases or now < self._next:
            return
        if not self._connected():
            self._outage += not self._away
            self._away, self._next = True, now + _AWAY_S
            return
        self._away = False
        if not self._ready and self._ring.waiting:
            lines, dropped = self._ring.take(_MOST_LINES)
            lost, self._lost = self._lost, 0
            self._ready += batches((line.encoded() for line in lines if self._matches(line)), dropped + lost)
        if self._ready:
            self._tell(self._ready.popleft())
            self._next = now + 1 / max(lease.rate for lease in self._leases.values())

    def _tell(self, batch: bytes) -> None:
        if not self._send(batch):
            body = json.loads(batch)
            self._lost += len(body["lines"]) + body["dropped"]

    def _matches(self, line: Line) -> bool:
        return any(line.matches(lease.level, lease.part) for lease in self._leases.values())

    def _listen(self) -> None:
        wanted = [(lease.level, lease.part) for lease in self._leases.values()]
        if not wanted:
            self._set_level(None)
            self._ring.listen(None)
            self._ready.clear()
            self._lost = 0
            return
        self._ring.listen(lambda line: any(line.may_match(*one) for one in wanted))
        self._set_level(min(level for level, _ in wanted))
