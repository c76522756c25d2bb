"""Gives events their numbers and their words, and tells of those that will never come."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from agent.publish.outbox.gaps import Gap
from agent.publish.outbox.limits import Cut, cuts
from agent.publish.outbox.refused_gaps import RefusedGaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agent.publish.events import Event
    from agent.publish.outbox.age import AgeClock
    from agent.publish.outbox.progress import Progress
    from agent.publish.outbox.send_window import Row
    from agent.publish.outbox.stored import Stored

Word: TypeAlias = "Callable[[Event, int, str, int, float], Stored | None]"
"""An event, its n, epoch and seq, and when it was born: the row; None for one that has no words."""
State: TypeAlias = "tuple[int, int, list[Cut], dict[tuple[str, str], _Told], Counter[str]]"
_Told: TypeAlias = "tuple[int, str, int, Gap]"


class Numbering:
    """last: the n that was given last; seq: the same within `epoch`. missed: events that will never come, by cause.

    word: makes rows of events. gap: makes the event that tells of a cut. refused_gaps: what the broker did not hear of.
    """

    def __init__(self, word: Word, gap: Callable[[Cut], Event]) -> None:
        self._word = word
        self._gap = gap
        self.last = self.seq = 0
        self.epoch = ""
        self.missed: Counter[str] = Counter()
        self.refused_gaps = RefusedGaps()
        self._cuts: list[Cut] = []  # yet to be told
        self._told: dict[tuple[str, str], _Told] = {}
        self._handed = 0

    @property
    def pending(self) -> bool:
        """Whether there is something to tell."""
        return bool(self._cuts)

    def state(self) -> State:
        """For `restore`, when nothing of what follows was kept."""
        return self.last, self.seq, list(self._cuts), dict(self._told), self.missed.copy()

    def restore(self, state: State) -> None:
        self.last, self.seq, self._cuts, self._told, self.missed = state

    def cut(self, cuts: Iterable[Cut]) -> None:
        """These are to be told."""
        for cut in cuts:
            self.missed[cut.cause] += cut.gap.count
            self._cuts.append(cut)

    def refused(self, row: Row) -> None:
        """By the broker. Once it has refused to be told so, it is told when it takes something again."""
        (cut,) = cuts("rejected", [(row.n, row.epoch, row.seq)])
        if row.gap:
            self.refused_gaps.keep_event(row.payload)
        elif not self.refused_gaps:
            self.cut([cut])
            return
        self.missed[cut.cause] += 1
        self.refused_gaps.keep(cut.cause, cut.epoch, cut.gap)

    def taken(self) -> None:
        """The broker has taken an event."""
        self._cuts += self.refused_gaps.take()

    def handed(self, n: int) -> None:
        """Rows up to this one were handed over once, so that somebody may know them as they are."""
        self._handed = max(self._handed, n)

    def renumber(self, same: int, last: int) -> None:
        """Rows beyond `same` have other numbers now, up to `last`."""
        self._cuts = [replace(cut, numbers=tuple(n for n in cut.numbers if n <= same)) for cut in self._cuts]
        self._told, self._handed, self.last = {}, 0, last

    def number(
        self, events: Sequence[tuple[int, Event]], skipped: int, age: AgeClock, progress: Progress
    ) -> list[Stored]:
        """The rows of events, each with how many were skipped before it. skipped: after the last."""
        rows = []
        for before, event in events:
            self._skip(before)
            rows += self.tell(age, progress)  # in its place
            row = self._row(event, age)
            if row is not None:
                rows.append(row)
        self._skip(skipped)
        return latest(rows + self.tell(age, progress))

    def tell(self, age: AgeClock, progress: Progress) -> list[Stored]:
        """Rows for what will never come, one by cause and epoch; one that never left is worded anew instead."""
        if not self._cuts:
            return []
        together: dict[tuple[str, str], Cut] = {}
        for cut in self._cuts:
            for n in cut.numbers:
                progress.settle(n)
            same = together.get((cut.cause, cut.epoch))
            together[cut.cause, cut.epoch] = cut if same is None else replace(cut, gap=same.gap.merged(cut.gap))
        self._cuts = []
        rows = []
        for cut in together.values():
            known = self._told.get((cut.cause, cut.epoch))
            if known and known[0] > self._handed and progress.waits(known[0]) and known[1] == self.epoch:
                n, epoch, seq, gap = known
                merged = gap.merged(cut.gap)
                row = self._word(self._gap(replace(cut, gap=merged)), n, epoch, seq, age.now())
                self._told[cut.cause, cut.epoch] = (n, epoch, seq, merged)
            else:
                row = self._row(self._gap(cut), age)
                self._told[cut.cause, cut.epoch] = (self.last, self.epoch, self.seq, cut.gap)
            if row is not None:
                rows.append(row)
        return rows

    def _row(self, event: Event, age: AgeClock) -> Stored | None:
        self.seq += 1
        row = self._word(event, self.last + 1, self.epoch, self.seq, age.at(event.happened))
        if row is None:
            self.cut([Cut("invalid", Gap(self.seq, self.seq, 1), self.epoch, ())])
        else:
            self.last += 1
        return row

    def _skip(self, number: int) -> None:
        """Events that there was no room for have their numbers too."""
        if number:
            gap = Gap(self.seq + 1, self.seq + number, number)
            self.seq += number
            self.cut([Cut("overload", gap, self.epoch, ())])


def latest(rows: list[Stored]) -> list[Stored]:
    """Without those that were worded anew, each in its place."""
    return list({row.n: row for row in rows}.values())
