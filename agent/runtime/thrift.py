"""Gives memory back that an outage or an edit needed for a moment: else it would be kept as long as the daemon runs."""

from __future__ import annotations

import ctypes
import gc

EVERY_S = 60.0
ALL_EVERY = 60
"""Of so many turns one goes through all there is."""


class Thrift:
    """For the main thread.

    What has been gone through once is left alone by Python's garbage collector for an hour, since nearly all of it
    stays for the whole run: a collection, in which no thread works, then takes less than a millisecond.
    """

    def __init__(self) -> None:
        self._due = float("-inf")
        self._turns = 0
        # glibc's; others have no such thing. It returns the free pages of all its heaps, not only the end of one.
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def turn(self, now: float) -> None:
        """Once a minute, from when everything runs. now: time.monotonic()."""
        if now < self._due:
            return
        self._due = now + EVERY_S
        if self._turns % ALL_EVERY == 0:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
        else:
            gc.collect()
        self._turns += 1
        if self._trim is not None:
            self._trim(0)
