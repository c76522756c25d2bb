"""How old an event is, whatever the wall clock does."""

from __future__ import annotations

import time

from agent.boot import boot_id


class AgeClock:
    """Seconds that only rise, on over restarts of the daemon.

    While the kernel runs they are those of CLOCK_BOOTTIME, sleep included. How long a machine was off nobody can
    tell without trusting a wall clock, so that time counts as none: an event is rather sent late than dropped.
    age, boot, boottime: as `saved` gave them in the run before.
    """

    def __init__(self, age: float = 0.0, boot: str = "", boottime: float = 0.0) -> None:
        self._boot = boot_id()
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        slept = now - boottime if boot and boot == self._boot else 0.0
        self._ahead = age + max(0.0, slept) - now

    def now(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) + self._ahead

    def at(self, monotonic: float) -> float:
        """The age clock at an instant of time.monotonic()."""
        return self.now() - (time.monotonic() - monotonic)

    def monotonic(self, at: float) -> float:
        """The instant of time.monotonic() at which this clock showed `at`; may be before the boot."""
        return time.monotonic() - (self.now() - at)

    def saved(self) -> tuple[float, str, float]:
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        return now + self._ahead, self._boot, now
