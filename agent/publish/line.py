"""The line of events on their way to the broker: in order, bounded, each kept until it is answered. Pure, no lock.

At least once: after a lost connection what was not answered goes again, before anything newer and under the same
ids. An event's snapshot goes right before it. What must be dropped is the oldest, and becomes part of a gap.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from agent.publish.gaps import Gap, Gaps

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 4096
BYTES = 16 << 20
PICTURE_BYTES = 16 << 20
FLYING_BYTES = 256 << 10
"""Unanswered at once, so that on a slow network the first answer does not come after the broker seems frozen."""
PICTURE_S = 3600.0
PICTURE_TRIES = 3
"""A picture that goes down with the connection this often may be why it does: 3.1.1 cannot say "too large"."""
_ROOM = 0.75


@dataclass(slots=True, eq=False)
class Row:
    """One event. happened, expires: time.monotonic(). picture: its snapshot's bytes, None once it need not be sent.

    gap: what it tells, where it is a gap event.
    """

    seq: int
    topic: str
    payload: bytes
    happened: float
    expires: float
    picture: bytes | None = None
    picture_topic: str = ""
    gap: Gap | None = None
    tries: int = 0
    picture_flying: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Departure:
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


class EventLine:
    """Row numbers must rise. Every `take` must be followed by `sent` or `refuse`.

    missed: where what is dropped is counted, by cause. rows, size, picture_size: how many events, their bytes, and
    those of their pictures.
    """

    def __init__(
        self,
        missed: Counter[str] | None = None,
        rows: int = ROWS,
        size: int = BYTES,
        picture_size: int = PICTURE_BYTES,
    ) -> None:
        self.gaps = Gaps()
        self.missed = Counter[str]() if missed is None else missed
        self._limits = (rows, size, picture_size)
        self._waiting: deque[Row] = deque()
        self._pictured: deque[Row] = deque()
        self._flying: dict[int, tuple[Departure, float]] = {}
        self._flying_bytes = self._bytes = self._picture_bytes = self._pictures_flying = 0

    def put(self, row: Row) -> None:
        """At the end of the line; whatever does not fit any more is dropped from its head."""
        rows, size, picture_size = self._limits
        self._waiting.append(row)
        self._bytes += len(row.payload)
        if row.picture is not None:
            self._picture_bytes += len(row.picture)
            self._pictured.append(row)
        while self._waiting and (self.depth > rows or self._bytes > size):
            self._drop("overflow")
        while self._picture_bytes > picture_size and self._pictured:
            self._drop_picture(self._pictured.popleft())

    def take(self, now: float, window: int) -> Departure | None:
        """The next to be sent. window: how many may be unanswered at once, those of this line only."""
        while self._waiting and self._waiting[0].expires <= now:
            self._drop("expired")
        if not self._waiting or len(self._flying) >= window:
            return None
        row = self._waiting[0]
        if row.picture is not None and not row.picture_flying:
            if row.tries >= PICTURE_TRIES or row.happened + PICTURE_S <= now:
                self._drop_picture(row)
            else:
                return self._if_room(
                    Departure(
                        row,
                        picture=True,
                        topic=row.picture_topic,
                        payload=row.picture,
                        expires=row.happened + PICTURE_S,
                    )
                )
        return self._if_room(Departure(row, picture=False, topic=row.topic, payload=row.payload, expires=row.expires))

    def sent(self, mid: int, departure: Departure, now: float) -> None:
        if departure.picture:
            departure.row.picture_flying = True
            departure.row.tries += 1
            self._pictures_flying += 1
        else:
            self._waiting.popleft()
        self._flying[mid] = (departure, now)
        self._flying_bytes += len(departure.payload)

    def answered(self, mid: int) -> Departure | None:
        """What was answered, well or ill, and will not be sent again; None: not ours."""
        flight = self._flying.pop(mid, None)
        if flight is None:
            return None
        departure = flight[0]
        self._flying_bytes -= len(departure.payload)
        if departure.picture:
            self._pictures_flying -= 1
            self._forget_picture(departure.row)
        else:
            self._bytes -= len(departure.row.payload)
        return departure

    def refuse(self, departure: Departure) -> None:
        """Not to be sent, since the broker would not take it. In place of `sent`."""
        if departure.picture:
            self._drop_picture(departure.row)
        else:
            self._bytes -= len(self._waiting.popleft().payload)

    def lost(self) -> None:
        """The connection is gone: what was not answered goes again, first and in order."""
        flown = [departure for departure, _ in self._flying.values()]
        for departure in flown:
            departure.row.picture_flying = False
        events = sorted((d.row for d in flown if not d.picture), key=lambda row: row.seq, reverse=True)
        self._waiting.extendleft(events)
        self._flying.clear()
        self._flying_bytes = self._pictures_flying = 0

    def miss(self, cause: str, gap: Gap) -> None:
        """These events will never come."""
        self.missed[cause] += gap.count
        self.gaps.add(cause, gap)

    def untold(self) -> tuple[str, Gap] | None:
        """A gap that is to be told now, with its cause: once there is room, so that telling drops nothing."""
        if not self.gaps:
            return None
        rows, size, _ = self._limits
        roomy = self.depth <= rows * _ROOM and self._bytes <= size * _ROOM
        return self.gaps.take() if roomy else None

    def oldest_flight(self) -> float | None:
        """When the longest unanswered message was sent; None when nothing is in flight."""
        return min((since for _, since in self._flying.values()), default=None)

    def oldest(self) -> float | None:
        """When the oldest event happened that the broker has not answered."""
        return min((row.happened for row in self._rows()), default=None)

    @property
    def flying(self) -> int:
        return len(self._flying)

    @property
    def depth(self) -> int:
        """Events not yet answered."""
        return len(self._waiting) + len(self._flying) - self._pictures_flying

    @property
    def bytes(self) -> int:
        """Of events and their pictures."""
        return self._bytes + self._picture_bytes

    @property
    def settled(self) -> bool:
        return not self._waiting and not self._flying

    def _rows(self) -> Iterator[Row]:
        return chain(self._waiting, (departure.row for departure, _ in self._flying.values()))

    def _if_room(self, departure: Departure) -> Departure | None:
        fits = not self._flying or self._flying_bytes + len(departure.payload) <= FLYING_BYTES
        return departure if fits else None

    def _drop(self, cause: str) -> None:
        row = self._waiting.popleft()
        self._bytes -= len(row.payload)
        if row.picture is not None:
            self._drop_picture(row)
        if row.gap is None:
            self.miss(cause, Gap(row.seq, row.seq, 1))
        else:
            self.gaps.add(cause, row.gap)

    def _drop_picture(self, row: Row) -> None:
        if row.picture is not None:
            self.missed["snapshots"] += not row.picture_flying
            self._forget_picture(row)

    def _forget_picture(self, row: Row) -> None:
        if row.picture is not None:
            self._picture_bytes -= len(row.picture)
            row.picture = None
        while self._pictured and self._pictured[0].picture is None:
            self._pictured.popleft()
