"""Wall-clock times as subscribers read them, and whether they can be believed."""

from __future__ import annotations

import ctypes
import time
from datetime import datetime
from functools import cache, lru_cache

_SYNCED_BELOW_US = 16_000_000
_REASK_S = 10.0


def isotime(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 UTC, rounded to milliseconds: `2026-11-23T18:00:00.123Z`."""
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{_to_the_second(whole)}.{milliseconds:03d}Z"


def from_isotime(text: str) -> float:
    """The inverse of `isotime`: seconds since the epoch. Raises ValueError."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def clock_word(synced: bool) -> str:
    return "synced" if synced else "unsynced"


@lru_cache(maxsize=64)
def _to_the_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


class _Timex(ctypes.Structure):
    """The head of Linux' `struct timex` (adjtimex(2)), and room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_byte * 400),
    )


def kernel_synced() -> bool:
    """Whether something disciplines the kernel's clock, asked now.

    The test is systemd-timedated's: the kernel's own bound of the clock's error is below 16 s. It holds for
    timesyncd, chrony, ntpd and PTP alike; STA_UNSYNC does not, since chrony leaves it set to keep the kernel
    off the RTC, and timesyncd's file says nothing of the others. Works without privileges and inside
    containers.
    """
    timex = _Timex()
    try:
        answer = _libc().adjtimex(ctypes.byref(timex))
    except (AttributeError, OSError):
        return False
    return bool(answer >= 0 and timex.maxerror < _SYNCED_BELOW_US)


@cache
def _libc() -> ctypes.CDLL:
    """Once: each CDLL brings a class of its own, which refers to itself."""
    return ctypes.CDLL(None)


class _Asked:
    at = float("-inf")
    answer = False


def clock_synced() -> bool:
    """As `kernel_synced`, asked at most once in 10 s: cheap enough for every message."""
    now = time.monotonic()
    if now - _Asked.at >= _REASK_S:
        _Asked.answer, _Asked.at = kernel_synced(), now
    return _Asked.answer
