"""What will never come, merged until it can be told. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """`count` events are missing of those numbered `first` to `last`."""

    first: int
    last: int
    count: int


class Gaps:
    """One gap for each cause.

    `overload`: more happened at once than could be taken. `overflow`: the broker was away for too many events,
    `expired`: for too long. `invalid`: a fault of ours.
    """

    def __init__(self) -> None:
        self._gaps: dict[str, Gap] = {}

    def __bool__(self) -> bool:
        return bool(self._gaps)

    def add(self, cause: str, gap: Gap) -> None:
        known = self._gaps.get(cause)
        if known is not None:
            gap = Gap(min(known.first, gap.first), max(known.last, gap.last), known.count + gap.count)
        self._gaps[cause] = gap

    def take(self) -> tuple[str, Gap] | None:
        """One that has not been told, with its cause; it counts as told from now on."""
        cause = next(iter(self._gaps), None)
        return None if cause is None else (cause, self._gaps.pop(cause))
