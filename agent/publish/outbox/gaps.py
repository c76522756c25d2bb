"""What will never come. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """`count` events are missing of those numbered `first` to `last`."""

    first: int
    last: int
    count: int

    def merged(self, other: Gap) -> Gap:
        return Gap(min(self.first, other.first), max(self.last, other.last), self.count + other.count)
