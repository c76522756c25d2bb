"""Which rows are done with. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.publish.outbox.spans import Spans

if TYPE_CHECKING:
    from collections.abc import Iterable


class Progress:
    """Numbers are dense. Each row up to `answered` is settled, and those in `ahead`."""

    def __init__(self, answered: int = 0, ahead: Iterable[tuple[int, int]] = ()) -> None:
        self.answered = answered
        self.ahead = Spans(ahead)
        self.changed = False

    def settle(self, n: int) -> bool:
        """False when it was before."""
        if not self.waits(n):
            return False
        self.changed = True
        if n == self.answered + 1 and not self.ahead:  # as nearly always
            self.answered = n
            return True
        self.ahead.add(n)
        last = self.ahead.take(self.answered + 1)
        if last is not None:
            self.answered = last
        return True

    def waits(self, n: int) -> bool:
        return n > self.answered and n not in self.ahead

    def depth(self, last: int) -> int:
        """How many of the rows up to `last` are not settled."""
        return max(0, last - self.answered - len(self.ahead))
