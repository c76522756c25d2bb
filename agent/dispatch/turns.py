"""Whose frame is next: start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) over the lanes of one engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.dispatch.lane import Lane


class Turns:
    """Time here is what an engine of weight 1 has run, in inferences.

    A lane has had its share up to `lane.served`. The one that lags most is next, and of those that lag alike the one
    whose mailbox has held a frame for longest. A lane that had nothing to show has no claim on the time it missed.
    So lanes that always have a frame get the engine's runs by weight, however many a frame of theirs takes, and each
    lane is next after a bounded number of runs of the others: it cannot starve.
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
            rank = (max(lane.served, self._now), since)
            if rank < first and now >= lane.ready_at():
                chosen, first = lane, rank
        return chosen

    def charge(self, lane: Lane, runs: int) -> None:
        """A frame of the lane is on its way, and takes the engine so many runs."""
        self._now = max(lane.served, self._now)
        lane.served = self._now + runs / lane.weight
