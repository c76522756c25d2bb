"""The events on their way to the broker: in order, a few at a time, each until it is answered. Pure, no lock.

Where they wait, and what is kept of them, is the outbox's; the line is empty while there is no connection, and filled
anew from the outbox with each: what was not answered goes again, before anything newer and under the same ids. An
event's snapshot goes right before it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

ROWS = 256
BYTES = 2 << 20
FLYING_BYTES = 256 << 10
"""Unanswered at once, so that on a slow network the first answer does not come after the broker seems frozen."""
UNCONFIRMED = 40
"""Sent, and not yet known on the disk to be answered: so many may come twice after a crash."""
PICTURE_S = 3600.0

Outcome = Literal["sent", "rejected", "expired", "lost"]
"""lost: of a picture that went down with the connection."""


@dataclass(slots=True, eq=False)
class Row:
    """One event. n: its place, rising; epoch, seq: what it is called. happened, expires: time.monotonic().

    picture: None once it need not be sent. late: it is sent again, or from a run before, so it is historical whatever
    its age.
    """

    n: int
    epoch: str
    seq: int
    topic: str
    payload: bytes
    happened: float
    expires: float
    picture: bytes | None = None
    picture_topic: str = ""
    late: bool = False
    again: bool = False  # replayed: its answer changes nothing
    gap: bool = False  # it tells of others, and is told however old it is
    allowed: bool = False  # by `mqtt.drain_rate`
    picture_flying: bool = False

    @property
    def size(self) -> int:
        return len(self.payload) + len(self.picture or b"")


class Settled(NamedTuple):
    """What became of a row, or of its picture. reason: the broker's word for a refusal."""

    row: Row
    outcome: Outcome
    reason: str = ""
    picture: bool = False


class Departure(NamedTuple):
    """What is to be handed over now: a row's picture, or the row itself."""

    row: Row
    picture: bool
    topic: str
    payload: bytes
    expires: float

    @property
    def place(self) -> str:
        """The topic, or what stands for all topics like it."""
        return f"{self.topic.rpartition('/')[0]}/+" if self.picture else self.topic


class SendWindow:
    """Row numbers must rise. Every `take` must be followed by `sent` or `refuse`.

    session: of the connection this line is for, 0 while there is none. settled_rows: what the outbox
    has yet to be told. short: whether it had no room for all there was.
    """

    def __init__(self) -> None:
        self.session = 0
        self.short = False
        self.settled_rows: deque[Settled] = deque()
        self._sessions = 0
        self._waiting: deque[Row] = deque()
        self._flying: dict[int, tuple[Departure, float]] = {}
        self._withdrawn: dict[int, float] = {}  # they fly too, but nobody wants to know what becomes of them
        self._unconfirmed: set[int] = set()
        self._bytes = self._flying_bytes = 0

    def open(self) -> None:
        """There is a connection: rows may come."""
        self.lost()
        self._sessions += 1
        self.session = self._sessions

    def lost(self) -> None:
        """The connection is gone, and with it all that was not answered; the outbox has it."""
        self.session = 0
        for departure, _ in self._flying.values():
            if departure.picture:
                self.settled_rows.append(Settled(departure.row, "lost", picture=True))
        self._waiting.clear()
        self._flying.clear()
        self._withdrawn.clear()
        self._unconfirmed.clear()
        self._bytes = self._flying_bytes = 0

    def withdraw(self) -> None:
        """The rows have other numbers now: what is known by the former ones is forgotten, and the line filled anew.

        What flies still counts in the window, until it is answered.
        """
        flying = self._withdrawn | {mid: since for mid, (_, since) in self._flying.items()}
        if self.session:
            self.open()
            self._withdrawn = flying
        self.settled_rows.clear()

    @property
    def space(self) -> int:
        """How many rows more it takes."""
        if not self.session or self._bytes >= BYTES:
            return 0
        return max(0, ROWS - len(self._waiting))

    def put(self, session: int, row: Row) -> bool:
        """At the end; False when it is not for this connection, or there is no room."""
        if session != self.session or not self.space:
            return False
        self._waiting.append(row)
        self._bytes += row.size
        return True

    def confirm(self, numbers: list[int]) -> None:
        """These are known on the disk to be settled."""
        self._unconfirmed.difference_update(numbers)

    def take(self, now: float, window: int) -> Departure | None:
        """The next to be sent. window: how many may be unanswered at once, those of this line only."""
        while self._waiting and self._waiting[0].expires <= now and not self._waiting[0].gap:
            self._leave(self._waiting[0], "expired")
        if not self._waiting or self.flying >= window or len(self._unconfirmed) >= UNCONFIRMED:
            return None
        row = self._waiting[0]
        if row.picture is not None and not row.picture_flying:
            if row.happened + PICTURE_S > now:
                return self._if_room(Departure(row, True, row.picture_topic, row.picture, row.happened + PICTURE_S))
            self._picture_settled(row, "expired")
        return self._if_room(Departure(row, False, row.topic, row.payload, row.expires))

    def sent(self, mid: int, departure: Departure, now: float) -> None:
        if departure.picture:
            departure.row.picture_flying = True
        else:
            self._bytes -= self._waiting.popleft().size
            if not departure.row.again:
                self._unconfirmed.add(departure.row.n)
        self._flying[mid] = (departure, now)
        self._flying_bytes += len(departure.payload)

    def answered(self, mid: int, reason: str = "") -> Departure | None:
        """What was answered, and will not be sent again; None: not ours. reason: of a refusal, else empty."""
        flight = self._flying.pop(mid, None)
        if flight is None:
            self._withdrawn.pop(mid, None)
            return None
        departure = flight[0]
        self._flying_bytes -= len(departure.payload)
        outcome: Outcome = "rejected" if reason else "sent"
        self.settled_rows.append(Settled(departure.row, outcome, reason, departure.picture))
        return departure

    def refuse(self, departure: Departure, reason: str) -> None:
        """Not to be sent, since the broker would not take it. In place of `sent`."""
        if departure.picture:
            self._picture_settled(departure.row, "rejected", reason)
        else:
            self._leave(departure.row, "rejected", reason)

    def oldest_flight(self) -> float | None:
        """When the longest unanswered message was sent; None when nothing is in flight."""
        return min(chain((since for _, since in self._flying.values()), self._withdrawn.values()), default=None)

    @property
    def crowded(self) -> bool:
        """Whether rows wait, and soon none may be sent before answers are confirmed."""
        return bool(self._waiting) and len(self._unconfirmed) >= UNCONFIRMED // 2

    @property
    def flying(self) -> int:
        return len(self._flying) + len(self._withdrawn)

    @property
    def empty(self) -> bool:
        """Whether nothing waits or flies, or waits to be told."""
        return not (self._waiting or self._flying or self.settled_rows)

    def _if_room(self, departure: Departure) -> Departure | None:
        fits = not self._flying or self._flying_bytes + len(departure.payload) <= FLYING_BYTES
        return departure if fits else None

    def _leave(self, row: Row, outcome: Outcome, reason: str = "") -> None:
        """It is at the head, and not sent."""
        self._waiting.popleft()
        self._bytes -= row.size
        self.settled_rows.append(Settled(row, outcome, reason))

    def _picture_settled(self, row: Row, outcome: Outcome, reason: str = "") -> None:
        if row.picture is not None:
            self._bytes -= len(row.picture)
            row.picture = None
            self.settled_rows.append(Settled(row, outcome, reason, picture=True))
