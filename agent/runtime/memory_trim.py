"""Gives memory back that an outage or an edit needed for a moment: else it would be kept as long as the daemon runs."""

from __future__ import annotations

import ctypes
import gc

EVERY_S = 60.0
ALL_EVERY = 60
"""Of so many turns one goes through all there is."""
END = 256 << 10
"""Bytes that may stay free at the end of a heap; glibc itself allows twice the largest piece ever given back."""
MAPPED = 1 << 20
"""Bytes from which on a piece is no part of a heap; to be set where `END` is, else it stays as it happens to be."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


class MemoryTrim:
    """For the main thread.

    What has been gone through once is left alone by Python's garbage collector for an hour, since nearly all of it
    stays for the whole run: a collection, in which no thread works, then takes less than a millisecond.
    """

    def __init__(self) -> None:
        self._due = float("-inf")
        self._turns = 0
        libc = ctypes.CDLL(None)
        # glibc's; others have no such thing. It returns the free pages of all its heaps, but the end of the first only.
        self._trim = getattr(libc, "malloc_trim", None)
        if self._trim is not None:
            libc.mallopt(_M_TRIM_THRESHOLD, END)
            libc.mallopt(_M_MMAP_THRESHOLD, MAPPED)

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
