"""Which pictures of a camera to leave out where they come faster than they are decoded, so that none shown is old.

TCP keeps what nobody reads, here and in the camera: without this a picture would be ever older, and no error told it.
"""

from __future__ import annotations

import resource
from math import exp

BEHIND, PATIENCE = 1.0, 1.0
"""Seconds behind the camera; seconds of being that far behind after which pictures are left out, up to a key picture
as fresh as `FRESH`: what a network has held up for a while is mostly decoded sooner than that."""
FRESH = 0.2
LONGEST = 10.0
"""Seconds of that after which a stream goes on without a key picture: it may have none."""
IDLE = 0.1
"""Share of the time from which on a reader that waits for data is one that reads in time."""
LATELY = 1.0
"""Seconds (time constant) of which that share is taken."""


class Lag:
    """How far behind the reading is: by how much less of the stream's time than of ours has gone by.

    Only since more of it was always there than had been read. A stream of which there is none left is read in time, so
    a clock of the camera that runs slow does no harm.
    """

    def __init__(self) -> None:
        self._least: float | None = None
        self._late: float | None = None
        self._since: float | None = None

    @property
    def skipping(self) -> bool:
        return self._since is not None

    def leaves_out(self, arrived: float, pts: float | None, *, key: bool, more: bool) -> bool:
        """Whether to leave this picture out, undecoded.

        arrived: time.monotonic() when its last byte was read. pts: seconds, of the stream's clock; None where it has
        none: then there being more counts as late, but not for long: it may be one who sends as fast as he is read.
        key: it can be decoded without those before. more: whether there is more to read already.
        """
        behind = self._behind(arrived, pts, more=more)
        if behind <= BEHIND:
            self._late = None
        elif self._late is None:
            self._late = arrived
        if self._since is None:
            if self._late is not None and arrived - self._late >= PATIENCE:
                self._since = arrived
        elif key and behind <= FRESH:
            self._since = None
        elif arrived - self._since > (PATIENCE if key and pts is None else LONGEST):
            self._since = self._late = self._least = None
        return self.skipping

    def _behind(self, arrived: float, pts: float | None, *, more: bool) -> float:
        if pts is None:
            return float("inf") if more else 0.0
        offset = arrived - pts
        if self._least is None or not more:
            self._least = offset
        self._least = min(self._least, offset)
        return offset - self._least


class Waits:
    """Whether a reader that cannot ask how much there is has always found more: then it never had to wait.

    Only a wait of its own accord counts. One who has no processor is held up anywhere, also where it reads.
    """

    def __init__(self, now: float) -> None:
        self._share = IDLE
        self._at = self._began = now
        self._switches = _switches()

    def begin(self, now: float) -> None:
        """To be called before each read. now: time.monotonic()."""
        self._began, self._switches = now, _switches()

    def more(self, now: float) -> bool:
        """To be called after it."""
        waited = now - self._began if _switches() != self._switches else 0.0
        elapsed = now - self._at
        if elapsed > 0:
            fades = exp(-elapsed / LATELY)
            self._share = self._share * fades + waited / elapsed * (1 - fades)
        self._at = now
        return self._share < IDLE


def _switches() -> int:
    """How often this thread has given its processor away of its own accord."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
