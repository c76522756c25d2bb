"""Keeps a topic at the asked rate."""

from __future__ import annotations


class RateLimit:
    """At most `rate` a second on average, without losing those of a steady source that come a little early.

    rate 0: every one.
    """

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate if rate > 0 else 0.0
        self._next = 0.0

    @property
    def next(self) -> float:
        """When the next is due, in monotonic seconds; the past where one may go at once."""
        return self._next

    def would(self, now: float) -> bool:
        """As `allows`, without counting it."""
        return now - self._next >= -self._interval / 4

    def allows(self, now: float) -> bool:
        """Whether one may go at `now` (monotonic seconds); counts it if so."""
        if not self.would(now):
            return False
        self._next = (now if now - self._next > self._interval else self._next) + self._interval
        return True


class DetectionsRate:
    """At most `rate` answers a second; what says that nobody looked takes none of their places, nor comes more often.

    Else the answer to a frame that was due could be left out for what was said a tenth of a second before it.
    """

    def __init__(self, rate: float) -> None:
        self._answers = RateLimit(rate)
        self._silence = RateLimit(rate)

    def allows(self, now: float, *, answer: bool) -> bool:
        """As `RateLimit.allows`. answer: somebody looked."""
        if answer:
            return self._answers.allows(now)
        return self._answers.would(now) and self._silence.allows(now)
