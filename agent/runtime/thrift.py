"""Gives memory back that an outage or an edit needed for a moment: else it would be kept as long as the daemon runs."""

from __future__ import annotations

import ctypes
import gc

EVERY_S = 60.0


class Thrift:
    """For the main thread.

    The first time all there is leaves Python's garbage collector alone, since nearly all of it stays for the whole run:
    a collection then takes less than a millisecond instead of tens, in which no thread could work.
    """

    def __init__(self) -> None:
        self._due = float("-inf")
        self._begun = False
        # glibc's; others have no such thing. It returns the free pages of all its heaps, not only the end of one.
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def turn(self, now: float) -> None:
        """Once a minute, from when everything runs. now: time.monotonic()."""
        if now < self._due:
            return
        self._due = now + EVERY_S
        gc.collect()
        if not self._begun:
            self._begun = True
            gc.freeze()
        if self._trim is not None:
            self._trim(0)
