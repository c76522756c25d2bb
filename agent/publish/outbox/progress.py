"""Which rows are done with. Pure."""

from __future__ import annotations


class Progress:
    """Numbers are dense. Each row up to `answered` is settled, and those in `ahead`."""

    def __init__(self, answered: int = 0, ahead: set[int] | None = None) -> None:
        self.answered = answered
        self.ahead = set(ahead or ())
        self.changed = False

    def settle(self, n: int) -> bool:
        """False when it was before."""
        if n <= self.answered or n in self.ahead:
            return False
        self.changed = True
        self.ahead.add(n)
        while self.answered + 1 in self.ahead:
            self.answered += 1
            self.ahead.discard(self.answered)
        return True

    def waits(self, n: int) -> bool:
        return n > self.answered and n not in self.ahead

    def depth(self, last: int) -> int:
        """How many of the rows up to `last` are not settled."""
        return max(0, last - self.answered - len(self.ahead))
