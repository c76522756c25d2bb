"""How long nobody has been able to look, and when that makes what is known stale."""

from __future__ import annotations

from dataclasses import dataclass

STALE = 2.0
"""Seconds on the monotonic clock without an answer after which counts are stale."""
GIVEN_UP = 300.0
"""Seconds without a frame after which the tracks end: whoever was there, nobody will know."""
_SLOWEST = 60.0


@dataclass(slots=True)
class Staleness:
    """An answer of the engine, and the gate's word that nothing moves, are knowledge; Unknown is none."""

    stale: bool = False
    known_at: float | None = None
    frame_at: float | None = None
    _gap: float = 0.0
    _interval: float = 0.0

    def known(self, now: float) -> None:
        if self.known_at is not None:
            # One long gap was an outage; a camera that is slow by its nature has another one after it.
            gap = min(max(now - self.known_at, 0.0), _SLOWEST)
            self._gap, self._interval = gap, min(gap, self._gap)
        self.known_at, self.stale = now, False

    def arrived(self, now: float) -> None:
        """A frame has come, whatever was made of it."""
        self.frame_at = now

    def lasts(self, now: float, interval: float = 0.0) -> bool:
        """Whether what is known is stale now. A camera that is slow by its nature gets three of its intervals.

        interval: seconds between two looks that are wanted of it, 0 for no limit: nobody asks in between.
        """
        return self.known_at is not None and now - self.known_at > max(
            STALE, 3 * max(self._interval, min(interval, _SLOWEST))
        )

    def over(self, now: float) -> bool:
        return self.frame_at is not None and now - self.frame_at > GIVEN_UP
