"""The outbox: numbers what happened, in one order for the whole device, and keeps it until the broker has it.

    any thread ─► put ─► bounded queue ─► thread "outbox": number, word, commit ─► Publisher.deliver
                                                      ▲ answers: Publisher calls `wake` ┘

What is sent was committed before, so neither a broker that is away nor the daemon's own end loses it. The publisher
gets a few rows at a time, in order, and its answers are booked before many more are sent.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from agent.publish.clock import clock_synced
from agent.publish.events import Event, gap_event
from agent.publish.outbox.encoder import Encoder
from agent.publish.outbox.intake import Intake
from agent.publish.outbox.journal import Journal
from agent.publish.outbox.send_window import Row
from agent.publish.payloads import OutboxHealth

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.model import OutboxConfig
    from agent.publish.mqtt import Publisher
    from agent.publish.outbox.intake import Work
    from agent.publish.outbox.limits import Cut
    from agent.publish.outbox.send_window import Settled
    from agent.publish.outbox.stored import Stored
    from agent.publish.topics import Topics

TURN_S = 0.5
COUNT_EVERY_S = 1.0
COUNT_SHARE = 0.02
"""Of the time, at most, for counting: a week of events without a broker takes a while."""
KEEP_EVERY_S = 10.0
"""At most until an answer is on the disk, which in general it is with the next event: each commit wears out a card."""
READ_ROWS, READ_BYTES = 128, 1 << 20
PICTURE_TRIES = 3
"""A picture that goes down with the connection this often may be why it does: 3.1.1 cannot say "too large"."""
TRIES_KEPT = 256
"""Rows whose tries are counted, before those that are done with are looked for."""

logger = logging.getLogger("vedette.outbox")


class Outbox:
    """One thread, `outbox`. `put`, `replay` and `wake` may be called from any thread and never wait.

    folder: the state directory. epoch: names this outbox, and is half of every event's id; tracks are named by it.
    """

    def __init__(self, config: OutboxConfig, device: str, topics: Topics, publisher: Publisher, folder: Path) -> None:
        self._max_age = config.max_age
        self._topics = topics
        self._publisher = publisher
        self._intake = Intake()
        self._encoder = Encoder(device, topics, publisher.show)
        self._journal = Journal(folder, config, self._encoder.row, _gap_event)
        publisher.on_events = self.wake
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._fed = self._session = 0
        self._unbooked: list[int] = []  # rows that were answered, of which the disk does not know yet
        self._tries: dict[int, int] = {}
        self._replays: list[list[int]] = []  # first and last seq, and the row it has come to
        self._generation = self._journal.generation
        self._counted_at = self._kept_at = 0.0
        self._backlog: tuple[int, int, float | None] = (0, 0, None)
        self._committed = threading.Event()
        self._ending = False

    @property
    def epoch(self) -> str:
        return self._journal.epoch

    def start(self) -> None:
        self._thread.start()

    def put(self, event: Event) -> bool:
        """False when there was no room: it is counted, and told by a gap event."""
        return self._intake.put(event)

    def wake(self, pressing: bool) -> None:
        """There are answers, or room in the line. pressing: the line stands until they are heeded."""
        self._intake.wake(pressing=pressing)

    def replay(self, first: int, last: int) -> bool:
        """Sends answered events of this epoch again, by their seq. False when 8 such wishes wait already."""
        return self._intake.replay(first, last)

    def faults(self) -> dict[str, str]:
        """What is wrong now: by code, in words."""
        return dict(self._journal.faults)

    def missed(self) -> dict[str, int]:
        """Events that will never come, by cause; and `snapshots`."""
        return dict(self._journal.missed.copy() + self._encoder.missed.copy())  # the outbox's thread counts on

    def health(self) -> OutboxHealth:
        _, size, age = self._backlog
        depth = self._journal.depth
        return OutboxHealth(depth, age if depth else None, size if depth else 0)

    def finish(self, timeout: float) -> None:
        """Takes no more events, and returns once all are committed, or the time is up; then `Publisher.stop`.

        Once half of the time is gone, events go without their pictures.
        """
        self._encoder.pictures_until = time.monotonic() + timeout / 2
        self._intake.close()
        if self._thread.is_alive():
            self._committed.wait(timeout)

    def stop(self, timeout: float) -> None:
        """The publisher has stopped: books its last answers, and ends."""
        self._ending = True
        self._intake.close()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            if owed := self._journal.endings():
                self._journal.write([(0, event) for event in owed], 0, self._fed)
                self._journal.former = self._journal.last
        except Exception:
            logger.exception("error in the outbox, in what the previous run left")
        while True:
            work = self._intake.take(TURN_S)
            try:
                self._turn(work)
            except Exception:
                logger.exception("error in the outbox")
            if work.closing:
                self._committed.set()
                if self._ending:
                    break
                time.sleep(0.01)
        self._journal.close()

    def _turn(self, work: Work) -> None:
        self._unbooked += self._book(self._publisher.settled_events())
        self._encoder.missed["snapshots"] += work.bare
        rows: list[Stored] = []
        booked: list[int] = []
        before = self._journal.last
        now = time.monotonic()
        asked = work.pressing or work.closing or work.replays
        if work.events or work.skipped or self._journal.pending or (asked and self._unbooked) or now >= self._kept_at:
            self._kept_at = now + KEEP_EVERY_S
            rows = self._journal.write(work.events, work.skipped, self._fed)
            booked, self._unbooked = self._unbooked, []
        if self._generation != self._journal.generation:
            self._generation = self._journal.generation
            self._publisher.withdraw_events()
            self._tries.clear()
            self._unbooked, booked, rows = [], [], []
        if booked:
            self._publisher.confirm_events(booked)
        self._replays += [[first, last, 0] for first, last in work.replays]
        self._feed(rows, before)
        if now >= self._counted_at and (self._journal.depth or self._backlog[0]):
            began = time.monotonic()
            self._backlog = self._journal.backlog()
            now = time.monotonic()
            self._counted_at = now + max(COUNT_EVERY_S, (now - began) / COUNT_SHARE)

    def _book(self, answers: list[Settled]) -> list[int]:
        """Books what became of rows; their numbers."""
        numbers = []
        for answer in answers:
            row = answer.row
            if answer.outcome == "lost":
                self._tried(row.n)
                continue
            if answer.picture:
                self._encoder.missed["snapshots"] += answer.outcome == "expired"
                continue
            self._tries.pop(row.n, None)
            if row.again:
                continue
            numbers.append(row.n)
            self._journal.settle(row, answer.outcome, answer.reason)
        return numbers

    def _tried(self, n: int) -> None:
        """Its picture went out, and the connection down."""
        if len(self._tries) >= TRIES_KEPT:
            self._tries = {n: tries for n, tries in self._tries.items() if self._journal.progress.waits(n)}
        self._tries[n] = self._tries.get(n, 0) + 1
        self._encoder.missed["snapshots"] += self._tries[n] == PICTURE_TRIES

    def _feed(self, rows: list[Stored], before: int) -> None:
        """Hands rows over as there is room. rows: those just committed, after row number `before`."""
        session, space = self._publisher.event_space()
        if session != self._session:
            self._session, self._fed = session, self._journal.progress.answered
            for replay in self._replays:
                replay[2] = 0
        if not session:
            return
        if self._fed < before or any(row.n <= before for row in rows):
            rows = []
        while space > 0:
            rows = rows or self._journal.after(self._fed, min(space, READ_ROWS), READ_BYTES)
            if not rows:
                self._replay(session, space)
                return
            taken = self._publisher.deliver(session, [self._row(row) for row in rows[:space]])
            if not taken:
                return
            self._fed = rows[taken - 1].n
            self._journal.handed(self._fed)
            rows, space = rows[taken:], space - taken

    def _replay(self, session: int, space: int) -> None:
        while self._replays and space > 0:
            first, last, after = self._replays[0]
            rows = self._journal.answered(self.epoch, first, last, after, min(space, READ_ROWS))
            if not rows:
                self._replays.pop(0)
                self._intake.replayed()
            taken = self._publisher.deliver(session, [self._row(row, again=True) for row in rows])
            if rows and not taken:
                return
            if rows:
                self._replays[0][2] = rows[taken - 1].n
            space -= taken

    def _row(self, stored: Stored, *, again: bool = False) -> Row:
        age = self._journal.age
        happened = age.monotonic(stored.born)
        picture = stored.picture if self._tries.get(stored.n, 0) < PICTURE_TRIES else None
        late = again or stored.n <= self._journal.former
        gap = stored.type == "vedette.gap"
        return Row(
            stored.n,
            stored.epoch,
            stored.seq,
            self._topics.events,
            stored.body,
            happened,
            (time.monotonic() if gap else happened) + self._max_age,
            picture,
            stored.picture_topic,
            late,
            again,
            gap,
        )


def _gap_event(cut: Cut) -> Event:
    gap = cut.gap
    return gap_event(gap.first, gap.last, gap.count, cut.cause, cut.epoch, time.time(), synced=clock_synced())
