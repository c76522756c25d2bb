"""Rows on the disk, or in memory while the disk takes nothing: in one order, each until it is settled.

While the disk fails, events get an epoch of their own, since nobody could keep their numbers from being given twice
after a restart; once it works again they are written down, and that epoch goes on until the next failure.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import sqlite3
import time
from typing import TYPE_CHECKING

from agent.boot import boot_id
from agent.publish.outbox import limits, open_tracks
from agent.publish.outbox.age import AgeClock
from agent.publish.outbox.numbering import Numbering, latest
from agent.publish.outbox.opening import FILE, damaged, open_store, put_aside
from agent.publish.outbox.progress import Progress
from agent.publish.outbox.unwritten import Unwritten

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from agent.config.model import OutboxConfig
    from agent.publish.events import Event
    from agent.publish.outbox.limits import Cut
    from agent.publish.outbox.numbering import Word
    from agent.publish.outbox.send_window import Outcome, Row
    from agent.publish.outbox.store import Store
    from agent.publish.outbox.stored import Stored

RETRY_S = 5.0
AGES_EVERY_S = 10.0
FORMER_ROWS = 20_000
"""Looked through at a start, for tracks without an end: 0.1 s."""

log = logging.getLogger("vedette.outbox")

EPOCH_BYTES = 6


class Journal:
    """Owned by the outbox's thread, but for `epoch`, `faults` and `missed`, which may be read anywhere.

    word: makes rows of events. gap: makes the event that tells of a cut. epoch: the first of this run; tracks are
    named by it. generation: rises when rows got other numbers, so that what is on its way must be forgotten. former:
    rows up to this one are of runs before, or tell how those ended.
    """

    def __init__(self, folder: Path, config: OutboxConfig, word: Word, gap: Callable[[Cut], Event]) -> None:
        self._folder = folder
        self._config = config
        self._numbering = Numbering(word, gap)
        self.faults: dict[str, str] = {}
        self._store: Store | None = None
        self._unwritten = Unwritten()
        self._parked: list[tuple[int, str]] = []
        self._begun = self._adrift = False
        self._noted = False  # on the disk for sure, that this run has begun
        self.generation = self.former = 0
        self._retry_at = self._ages_at = 0.0
        self.progress = Progress()
        self.age = AgeClock()
        self._limits = limits.Limits(folder, config)
        self._stored = 0  # rows up to this one lie on the disk; the numbers of others change when it is opened again
        self.epoch = self._numbering.epoch = secrets.token_hex(EPOCH_BYTES)
        self._open()

    @property
    def last(self) -> int:
        """The number of the newest row."""
        return self._numbering.last

    @property
    def missed(self) -> Counter[str]:
        """Events that will never come, by cause; and pictures that were cut, as `snapshots`."""
        return self._numbering.missed

    def settle(self, row: Row, outcome: Outcome, reason: str) -> None:
        """It will not be sent again by itself. reason: why the broker refused it."""
        if not self.progress.settle(row.n):
            return
        if outcome == "rejected":
            self._parked.append((row.n, reason))
            self._numbering.refused(row)
        elif outcome == "expired":
            self._numbering.cut(limits.cuts(outcome, [(row.n, row.epoch, row.seq)]))
        elif outcome == "sent":
            self._numbering.taken()

    @property
    def depth(self) -> int:
        """How many rows wait."""
        return self.progress.depth(self.last)

    @property
    def pending(self) -> bool:
        """Whether there is something that only `write` brings to the disk, and that may not wait for what comes next.

        What was merely answered may: it would come twice after a crash, as so much may that is under way.
        """
        return bool(self._parked or self._numbering.pending or self._unwritten)

    def write(self, events: Sequence[tuple[int, Event]], skipped: int, fed: int) -> list[Stored]:
        """Numbers and keeps them, in one transaction with all that was settled before. The rows, in order.

        events: each with how many were skipped before it; skipped: after the last. fed: rows up to this one are on
        their way to the broker, and are not cut.
        """
        now = time.monotonic()
        self.handed(fed)
        if self._store is None and now >= self._retry_at:
            self._open()
        if self._store is not None:
            before = self._numbering.state()
            try:
                return self._commit(self._store, events, skipped, fed, now)
            except sqlite3.Error as error:
                self._numbering.restore(before)
                self._fail(error, now)
        return self._float(events, skipped)

    def handed(self, n: int) -> None:
        """Rows up to this one were handed over once, so that somebody may know them as they are."""
        self._numbering.handed(n)

    def after(self, n: int, most: int, size: int) -> list[Stored]:
        """The next rows that wait, in order."""
        found: list[Stored] = []
        if self._store is not None:
            try:
                found = self._store.waiting(n, most, size)
            except sqlite3.Error as error:
                self._fail(error, time.monotonic())
        found = found or [row for row in self._unwritten if row.n > n][:most]
        spoilt = [(row.n, row.epoch, row.seq) for row in found if not row.sound and self.progress.settle(row.n)]
        self._numbering.cut(limits.cuts("damaged", spoilt))
        return [row for row in found if self.progress.waits(row.n)]

    def answered(self, epoch: str, first: int, last: int, after: int, most: int) -> list[Stored]:
        """Rows that were answered before, to be sent again."""
        if self._store is None:
            return []
        try:
            return [row for row in self._store.between(epoch, first, last, after, most) if row.sound]
        except sqlite3.Error as error:
            self._fail(error, time.monotonic())
            return []

    def endings(self) -> list[Event]:
        """The ends of tracks that a run before has not told: to be asked for before anything is written."""
        if self._store is None:
            return []
        try:
            rows = self._store.newest(open_tracks.TYPES, FORMER_ROWS)
            return open_tracks.endings(rows)
        except sqlite3.Error as error:
            self._fail(error, time.monotonic())
            return []

    def backlog(self) -> tuple[int, int, float | None]:
        """Rows that wait, their bytes, and the age of the oldest in seconds."""
        rows = [row for row in self._unwritten if self.progress.waits(row.n)]
        number, size, born = len(rows), sum(len(row.body) for row in rows), min((r.born for r in rows), default=None)
        if self._store is not None:
            try:
                more, bytes_, first = self._store.backlog()
            except sqlite3.Error as error:
                self._fail(error, time.monotonic())
            else:
                number, size = number + more, size + bytes_
                born = min((b for b in (born, first) if b is not None), default=None)
        return number, size, None if born is None else max(0.0, self.age.now() - born)

    def close(self) -> None:
        if self._store is not None:
            with contextlib.suppress(sqlite3.Error), self._store.transaction():
                self._note(self._store, clean=True)
            self._store.close()
            self._store = None

    def _open(self) -> None:
        store, code, text = open_store(self._folder, self._config.durability)
        self.faults = {name: said for name, said in self.faults.items() if name in {"outbox-corrupt", "outbox-newer"}}
        if code:
            self.faults[code] = text
        if store is None:
            self._retry_at = time.monotonic() + RETRY_S
            return
        self._store, self._noted = store, False
        if not self._begun:
            self._begin(store)
        self.former = min(self.former, store.last)
        self._renumber(store)

    def _begin(self, store: Store) -> None:
        """Goes on with the age of what lies there, and with its epoch unless events have numbers already."""
        self._begun, self.former, meta = True, store.last, store.meta
        age = AgeClock(float(meta.get("age", 0)), str(meta.get("boot", "")), float(meta.get("boottime", 0)))
        self._numbering.refused_gaps.restore(str(meta.get("refused_gaps", "")))
        ahead = age.now() - self.age.now()
        self._unwritten.older(ahead)
        self.age = age
        if not self.last and not self._may_be_short(meta):
            self.epoch = self._numbering.epoch = str(meta.get("epoch") or self.epoch)
            # What was sent while the disk took nothing never came to lie there.
            self._numbering.seq = max(store.last_of(self.epoch), int(meta.get("seq", 0)))

    def _may_be_short(self, meta: Mapping[str, Any]) -> bool:
        """Whether rows that were sent may be gone with the power, so that their ids would be given again."""
        clean = bool(meta.get("clean", 0)) or meta.get("boot") in {None, "", boot_id()}
        return self._config.durability == "crash" and not clean

    def _renumber(self, store: Store) -> None:
        """What was said of rows by numbers that are not theirs any more is forgotten; they wait again."""
        same = min(self._stored, store.last)
        self._unwritten.renumber(store.last + 1, self.progress.waits)
        self.progress = Progress(store.answered, store.ahead)
        self._parked = []
        self._numbering.renumber(same, store.last + len(self._unwritten))
        self._stored = store.last
        self.generation += 1

    def _commit(
        self, store: Store, events: Sequence[tuple[int, Event]], skipped: int, fed: int, now: float
    ) -> list[Stored]:
        limits_due = self._limits.due(now)
        ages_due = now >= self._ages_at
        gone = 0
        if limits_due and not store.in_place:
            raise sqlite3.OperationalError("the file was removed, or another is in its place")
        with store.transaction(sync=not self._noted):
            store.add(row for row in self._unwritten if self.progress.waits(row.n))
            rows = self._numbering.number(events, skipped, self.age, self.progress)
            store.add(rows)
            if limits_due:
                cut, gone = self._limits.keep(store, self.age.now(), fed)
                self._numbering.cut(cut)
            told = self._numbering.tell(self.age, self.progress)
            store.add(told)
            store.settle(self.progress.answered, self.progress.ahead, self._parked)
            noted = {"epoch": self._numbering.epoch, "refused_gaps": self._numbering.refused_gaps.saved()}
            if ages_due or not self._noted or noted != {key: store.meta.get(key) for key in noted}:
                self._note(store)
        self._noted = True
        store.meta.update(noted)
        store.settled(self.progress.answered, self.progress.ahead)
        self.progress.changed = False
        self._parked = []
        self._unwritten.clear()
        self._stored = self.last
        self._adrift = False
        if limits_due:
            self._limits.kept(store, now)
        else:
            self._limits.add(sum(row.size for row in rows))
        self._ages_at = now + AGES_EVERY_S if ages_due else self._ages_at
        self.missed["snapshots"] += gone
        self.faults.pop("outbox-failed", None)
        return latest([*rows, *told])

    def _note(self, store: Store, *, clean: bool = False) -> None:
        """clean: this run sends nothing more, and the file is about to be closed."""
        age, boot, boottime = self.age.saved()
        epoch, seq, refused_gaps = self._numbering.epoch, self._numbering.seq, self._numbering.refused_gaps.saved()
        store.note(
            epoch=epoch, seq=seq, age=age, boot=boot, boottime=boottime, clean=int(clean), refused_gaps=refused_gaps
        )

    def _float(self, events: Sequence[tuple[int, Event]], skipped: int) -> list[Stored]:
        """The same without a disk."""
        if not self._adrift:
            self._adrift = True
            self._numbering.epoch, self._numbering.seq = secrets.token_hex(EPOCH_BYTES), 0
        rows = self._numbering.number(events, skipped, self.age, self.progress)
        self._unwritten.keep(rows)
        self._unwritten.forget(self.progress.waits)
        lost = [(row.n, row.epoch, row.seq) for row in self._unwritten.shed() if self.progress.settle(row.n)]
        self._numbering.cut(limits.cuts("overflow", lost))
        return rows

    def _fail(self, error: sqlite3.Error, now: float) -> None:
        text = f"{self._folder / FILE}: {error}"
        if "outbox-failed" not in self.faults:
            log.error("events are kept in memory only: %s", text)
        self.faults["outbox-failed"] = text
        self._retry_at = now + RETRY_S
        if self._store is not None:
            self._store.close()
            self._store = None
        if damaged(error):
            try:
                aside = put_aside(self._folder / FILE, "corrupt")
            except OSError as moving:
                log.warning("%s cannot be renamed: %s", FILE, moving.strerror)
            else:
                self.faults["outbox-corrupt"] = f"{text}; it is kept as {aside.name}"
                self._retry_at = now
