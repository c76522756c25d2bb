"""A bound on how often something happens. Pure: told the time."""

from __future__ import annotations


class Bucket:
    """Lets `rate` a second through on average, and up to `burst` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._left = burst
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Whether one may pass at `now` (monotonic seconds); counts it if so."""
        if self._at is not None:
            self._left = min(self.burst, self._left + self.rate * max(0.0, now - self._at))
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
