"""A camera's own time: what pts, loops and reconnects become, and when a file's next picture is due."""

from __future__ import annotations

JUMP = 10.0
"""Seconds between two pictures beyond which the stream's clock is not believed."""
SHORTEST = 0.001
LATE = 0.25
FADES = 0.8
"""What is left of a pause with each shorter one: pictures that come in pairs are not twice as frequent."""


class Timeline:
    """Turns the pts of a stream into `media_time`: seconds from 0, strictly rising whatever the stream does.

    nominal: seconds between two pictures where nothing better is known (1 / fps).
    live: the wall clock's step stands in for pts that are missing, go backwards or jump; else `nominal` does.
    """

    def __init__(self, nominal: float, *, live: bool) -> None:
        self.nominal = nominal
        self._live = live
        self._media: float | None = None
        self._pts: float | None = None
        self._arrived = 0.0

    def restart(self) -> None:
        """The next picture comes from a stream opened anew: its pts have nothing to do with the last ones."""
        self._pts = None

    def follow(self, other: Timeline) -> None:
        """From here on the time is later than any of the other's."""
        if other._media is not None:
            self._media = max(self._media or 0.0, other._media)
            self._arrived = max(self._arrived, other._arrived)

    def media_time(self, pts: float | None, arrived: float) -> float:
        """The picture's time. pts: the stream's, in seconds. arrived: time.monotonic() of the picture."""
        if self._media is None:
            self._media = 0.0
        else:
            self._media += max(SHORTEST, self._step(pts, arrived - self._arrived))
        self._pts, self._arrived = pts, arrived
        return self._media

    def _step(self, pts: float | None, elapsed: float) -> float:
        if pts is not None and self._pts is not None and 0 < pts - self._pts <= JUMP:
            return pts - self._pts
        return elapsed if self._live else self.nominal


class Cadence:
    """How far apart the pictures of a stream come that does not say so.

    pause: seconds, the longest one of late; 0 before there are two pictures.
    """

    def __init__(self) -> None:
        self.pause = 0.0
        self._last: float | None = None

    def restart(self) -> None:
        """The next picture is the first of a stream opened anew: what lies before it is no pause of the stream's."""
        self._last = None

    def note(self, arrived: float) -> None:
        """arrived: time.monotonic() of a picture."""
        if self._last is not None:
            self.pause = max(arrived - self._last, self.pause * FADES)
        self._last = arrived


class Pacer:
    """When the pictures of a file are due in real time. A late source shifts the plan: lag never piles up."""

    def __init__(self) -> None:
        self._start: float | None = None

    def delay(self, media_time: float, now: float) -> float:
        """Seconds to wait from `now` (time.monotonic()) until the picture at `media_time` is due, 0 when it is late."""
        if self._start is None or now > self._start + media_time + LATE:
            self._start = now - media_time
        return max(0.0, self._start + media_time - now)
