"""Rows that the disk does not take now: in memory, oldest first, within bounds. Pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.publish.outbox.stored import Stored

ROWS, BYTES = 4096, 16 << 20


class Unwritten:
    """Their numbers rise, and follow those on the disk."""

    def __init__(self) -> None:
        self._rows: deque[Stored] = deque()
        self._bytes = 0

    def __iter__(self) -> Iterator[Stored]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def keep(self, rows: list[Stored]) -> None:
        """Those that are new; one whose number is there is worded anew."""
        last = self._rows[-1].n if self._rows else 0
        anew = {row.n: row for row in rows if row.n <= last}
        if anew:
            self._take([anew.get(row.n, row) for row in self._rows])
        for row in rows:
            if row.n > last:
                self._rows.append(row)
                self._bytes += row.size

    def forget(self, waits: Callable[[int], bool]) -> None:
        """The oldest that are settled. waits: whether a number is not."""
        while self._rows and not waits(self._rows[0].n):
            self._bytes -= self._rows.popleft().size

    def shed(self) -> list[Stored]:
        """Drops the oldest there is no room for; gaps stay."""
        shed = []
        at = 0
        while at < len(self._rows) and (len(self._rows) > ROWS or self._bytes > BYTES):
            row = self._rows[at]
            if row.type == "vedette.gap":
                at += 1
                continue
            del self._rows[at]
            self._bytes -= row.size
            shed.append(row)
        return shed

    def renumber(self, first: int, waits: Callable[[int], bool]) -> None:
        """Those that wait get numbers from `first` on; the others go."""
        kept = [row for row in self._rows if waits(row.n)]
        self._take([row._replace(n=n) for n, row in enumerate(kept, first)])

    def older(self, seconds: float) -> None:
        """The age clock goes on from another point: they were born so many seconds later on it."""
        self._take([row._replace(born=row.born + seconds) for row in self._rows])

    def clear(self) -> None:
        self._take([])

    def _take(self, rows: list[Stored]) -> None:
        self._rows = deque(rows)
        self._bytes = sum(row.size for row in rows)
