"""What the publisher has done since its start, for the health message."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace


@dataclass(slots=True)
class Counters:
    """sent: live messages written to the socket; retained: values acknowledged; connects: sessions opened.

    dropped: live messages by cause (`offline`, `backlog`, `too_large`, `lost`). rejected: by the broker's reason.
    """

    sent: int = 0
    retained: int = 0
    connects: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def reconnects(self) -> int:
        return max(0, self.connects - 1)

    def copy(self) -> Counters:
        return replace(self, dropped=Counter(self.dropped), rejected=Counter(self.rejected))
