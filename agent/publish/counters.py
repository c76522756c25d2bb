"""What the publisher has done since its start, for the health message."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace


@dataclass(slots=True)
class Counters:
    """sent: live messages written to the socket; retained: values acknowledged; connects: sessions opened.

    events, snapshots: acknowledged. dropped: live messages by cause (`offline`, `backlog`, `too_large`, `lost`).
    missed: events that will never come, by cause (`overload`, `overflow`, `expired`, `damaged`, ...), and `snapshots`.
    rejected: by the broker's reason.
    """

    sent: int = 0
    retained: int = 0
    events: int = 0
    snapshots: int = 0
    connects: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def reconnects(self) -> int:
        return max(0, self.connects - 1)

    def copy(self) -> Counters:
        dropped, missed, rejected = Counter(self.dropped), Counter(self.missed), Counter(self.rejected)
        return replace(self, dropped=dropped, missed=missed, rejected=rejected)
