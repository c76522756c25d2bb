"""Which message a broker closes the connection for, where it does not say so: MQTT 3.1.1 has no word for it. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

TRIES = 5
"""So many closings in a row for the same message, and it is not sent any more."""
CAREFUL_FROM = 2
"""So many, and each message waits for the answer to the one before: then it is known which it is."""
CAREFUL_S = 60.0
"""After the last closing: it may have been a picture, or an event that is too old by now, and not come again."""
AT_ONCE_S = 2.0
"""After a message that it does not take a broker closes no later; a network that breaks does so whenever it likes."""
RETRY_S = 3600.0
"""Until one that was found out is tried again, once: the limits of the broker may have been raised."""
MOST = 256


class _Sent(NamedTuple):
    mid: int
    what: str
    size: int
    at: float


class PoisonMessages:
    """Brokers take messages in order, so the first that was not answered is the one it closed the connection for.

    what: by what name a message comes again; of those of one name, none is sent that is as large as the one that was
    found out. Of pictures, which come only once each, all have one name.
    """

    def __init__(self) -> None:
        self._sent: deque[_Sent] = deque(maxlen=MOST)
        self._closings: dict[str, int] = {}
        self._found: dict[str, tuple[int, float]] = {}
        self._closed_at = 0.0
        self.careful = False
        """Whether messages are to be sent one by one."""

    def sent(self, mid: int, what: str, size: int, now: float) -> None:
        self._sent.append(_Sent(mid, what, size, now))

    def answered(self, mid: int, now: float) -> None:
        """The broker has it, and all that was sent before it."""
        if any(each.mid == mid for each in self._sent):
            while self._sent:
                first = self._sent.popleft()
                self._closings.pop(first.what, None)
                if first.mid == mid:
                    break
        if self.careful:
            self.careful = now - self._closed_at < CAREFUL_S and self._suspected()

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
            size, _ = self._found.pop(first.what, (first.size, now))
            self._found[first.what] = (min(first.size, size), now)
        if len(self._closings) > MOST:
            del self._closings[next(iter(self._closings))]
        if len(self._found) > MOST:
            del self._found[next(iter(self._found))]
        self.careful, self._closed_at = self._suspected(), now

    def spoils(self, what: str, size: int, now: float) -> bool:
        """Whether sending it would only close the connection again."""
        found = self._found.get(what) if self._found else None
        if found is None or size < found[0]:
            return False
        if now - found[1] < RETRY_S:
            return True
        del self._found[what]
        self._closings[what] = TRIES - 1
        return False

    def _suspected(self) -> bool:
        return max(self._closings.values(), default=0) >= CAREFUL_FROM
