"""A set of numbers that mostly follow one another, kept as its spans. Pure."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Spans:
    """given: first and last of each, rising, with gaps between them."""

    def __init__(self, given: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in given:
            self._firsts.append(first)
            self._lasts.append(last)
        self._count = sum(last - first + 1 for first, last in self)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self._firsts, self._lasts, strict=True))

    def __len__(self) -> int:
        """How many numbers."""
        return self._count

    def __contains__(self, n: int) -> bool:
        at = bisect_right(self._firsts, n) - 1
        return at >= 0 and n <= self._lasts[at]

    def add(self, n: int) -> None:
        if n in self:
            return
        self._count += 1
        at = bisect_right(self._firsts, n)
        joins_before = at > 0 and self._lasts[at - 1] == n - 1
        joins_after = at < len(self._firsts) and self._firsts[at] == n + 1
        if joins_before and joins_after:
            self._lasts[at - 1] = self._lasts.pop(at)
            del self._firsts[at]
        elif joins_before:
            self._lasts[at - 1] = n
        elif joins_after:
            self._firsts[at] = n
        else:
            self._firsts.insert(at, n)
            self._lasts.insert(at, n)

    def take(self, first: int) -> int | None:
        """Removes the first span if it begins at `first`; its last number."""
        if not self._firsts or self._firsts[0] != first:
            return None
        del self._firsts[0]
        last = self._lasts.pop(0)
        self._count -= last - first + 1
        return last
