"""Whose frame is next: start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) over the lanes of one engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.dispatch.lane import Lane


CLAIM = 1.0
"""Inferences that a lane may claim of the time it had nothing to show: it keeps its share although its next frame comes
a little after its turn, as that of a rate-capped camera does."""


class FairQueue:
    """Time here is what an engine of weight 1 has run, in inferences.

    A lane has had its share up to `lane.served`. The one that lags most is next, and of those that lag alike the one
    whose mailbox has held a frame for longest. So lanes that have a frame when it is their turn get the engine's runs
    by weight, however many a frame of theirs takes, and each lane is next after a bounded number of runs of the others:
    it cannot starve. A lane that had nothing to show for long is next at once, and has no claim on all that it missed.
    """

    def __init__(self) -> None:
        self._now = 0.0

    def next(self, lanes: Sequence[Lane], now: float) -> Lane | None:
        """Of the lanes that may have a frame inferred at `now` (time.monotonic()).

        A mailbox counts from when it was last empty, so a camera whose frames are overtaken does not lose its turn.
        """
        chosen, first = None, (float("inf"), 0.0)
        for lane in lanes:
            since = lane.mailbox.waiting_since()
            if since is None:
                continue
            rank = (self._start(lane), since)
            if rank < first and now >= lane.ready_at():
                chosen, first = lane, rank
        return chosen

    def charge(self, lane: Lane, runs: int) -> None:
        """A frame of the lane is on its way, and takes the engine so many runs."""
        start = self._start(lane)
        self._now = max(start, self._now)
        lane.served = start + runs / lane.weight

    def _start(self, lane: Lane) -> float:
        return max(lane.served, self._now - CLAIM)
