"""Which message a broker closes the connection for, where it does not say so: MQTT 3.1.1 has no word for it. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

TRIES = 5
"""So many closings in a row for the same message, and it is not sent any more."""
CAREFUL_FROM = 2
"""So many, and each message waits for the answer to the one before: then it is known which it is."""
AT_ONCE_S = 2.0
"""After a message that it does not take a broker closes no later; a network that breaks does so whenever it likes."""
MOST = 256


class _Sent(NamedTuple):
    mid: int
    what: str
    size: int
    at: float


class Suspects:
    """Brokers take messages in order, so the first that was not answered is the one it closed the connection for.

    what: by what name a message comes again; of those of one name, none is sent that is as large as the one that was
    found out. Of pictures, which come only once each, all have one name.
    """

    def __init__(self) -> None:
        self._sent: deque[_Sent] = deque(maxlen=MOST)
        self._closings: dict[str, int] = {}
        self._sizes: dict[str, int] = {}

    def sent(self, mid: int, what: str, size: int, now: float) -> None:
        self._sent.append(_Sent(mid, what, size, now))

    def answered(self, mid: int) -> None:
        """The broker has it, and all that was sent before it."""
        if any(each.mid == mid for each in self._sent):
            while self._sent:
                first = self._sent.popleft()
                self._closings.pop(first.what, None)
                if first.mid == mid:
                    break

    def closed(self, now: float, *, unexplained: bool) -> None:
        """The connection is gone. unexplained: by the broker, without a word that says why."""
        first = self._sent[0] if self._sent else None
        self._sent.clear()
        if first is None or not unexplained or now - first.at > AT_ONCE_S:
            return
        closings = self._closings.pop(first.what, 0) + 1
        if closings < TRIES:
            self._closings[first.what] = closings
        else:
            self._sizes[first.what] = min(first.size, self._sizes.pop(first.what, first.size))
        for book in (self._closings, self._sizes):
            if len(book) > MOST:
                del book[next(iter(book))]

    def spoils(self, what: str, size: int) -> bool:
        """Whether sending it would only close the connection again."""
        return bool(self._sizes) and what in self._sizes and size >= self._sizes[what]

    @property
    def careful(self) -> bool:
        """Whether messages are to be sent one by one."""
        return bool(self._closings) and max(self._closings.values()) >= CAREFUL_FROM
