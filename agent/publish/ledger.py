"""What is under way to the broker, and what became of it. Pure: told the time, without a lock."""

from __future__ import annotations

from agent.publish.counters import Counters
from agent.publish.faults import REFUSED_FROM
from agent.publish.retained import WINDOW, RetainedValues

BACKLOG = 64
BACKLOG_BYTES = 4 << 20
PROBE_AFTER_S = 5.0
FROZEN_AFTER_S = 8.0


class Ledger:
    def __init__(self) -> None:
        self.retained = RetainedValues()
        self.counters = Counters()
        self._unsent: dict[int, int] = {}
        self._unsent_bytes = 0
        self._probe: tuple[int, float] | None = None
        self._heard_at = 0.0

    def opened(self, window: int | None, now: float) -> None:
        """A new connection: every retained value is due. window: the broker's Receive Maximum, if given."""
        self.closed()
        self.retained.window = min(WINDOW, window or WINDOW)
        self._heard_at = now

    def closed(self) -> None:
        if self._unsent:
            self.counters.dropped["lost"] += len(self._unsent)
        self._unsent.clear()
        self._unsent_bytes = 0
        self._probe = None
        self.retained.lost()

    @property
    def full(self) -> bool:
        """Whether so many live messages wait for the socket that another would only come late."""
        return len(self._unsent) >= BACKLOG or self._unsent_bytes >= BACKLOG_BYTES

    def live(self, mid: int, size: int) -> None:
        """A live message of `size` bytes waits for the socket."""
        self._unsent[mid] = size
        self._unsent_bytes += size

    def probed(self, mid: int, now: float) -> None:
        self._probe = (mid, now)

    def book(self, mid: int, reason: int, name: str, now: float) -> str | None:
        """Books an answer. The topic, if it says that the broker rejected a retained value."""
        size = self._unsent.pop(mid, None)
        if size is not None:
            self._unsent_bytes -= size
            self.counters.sent += 1
            return None
        self._heard_at = now
        if self._probe is not None and self._probe[0] == mid:
            self._probe = None
            return None
        topic = self.retained.answered(mid)
        if topic is None:
            return None
        if reason >= REFUSED_FROM:
            self.counters.rejected[name] += 1
            return topic
        self.counters.retained += 1
        return None

    def frozen_for(self, now: float) -> float | None:
        """How long the broker has owed us an answer, once that is too long."""
        since = self._oldest()
        return now - since if since is not None and now - since > FROZEN_AFTER_S else None

    def probe_due(self, now: float) -> bool:
        """Whether nothing under way would show that the broker has ceased to answer."""
        return self._oldest() is None and now - self._heard_at > PROBE_AFTER_S

    def _oldest(self) -> float | None:
        probe = self._probe[1] if self._probe is not None else None
        return min((since for since in (self.retained.oldest(), probe) if since is not None), default=None)
