"""Lowers the rate of inferences before the kernel lowers the clock: less often is better than at random. Pure.

A throttled machine is slow in everything, decoding and publishing too, and gets hot again as soon as it is fast again.
Fewer inferences are less heat, at full speed.
"""

from __future__ import annotations

from dataclasses import dataclass

STEPS = (1.0, 0.8, 0.6, 0.45, 0.35, 0.25)
"""What is left of each camera's rate. The last one is never gone below: a guard that is slow is better than none."""
MARGIN = 5.0
"""Degrees below the limit at which the rate is lowered."""
HYSTERESIS = 5.0
"""Degrees below that at which it is raised again."""
DOWN_S = 15.0
"""Seconds between two steps down: a heat sink takes that long to show what the last one did."""
UP_S = 60.0
"""Seconds of being cool for each step up. Doubled, up to PATIENT_S, each time that a step up made it too hot again."""
PATIENT_S = 16 * UP_S
PROVEN_S = 3600.0
"""A step up was right when the machine has not become too hot for so long."""


@dataclass(frozen=True, slots=True)
class Change:
    """One step, to be announced. factor: what each camera's rate is multiplied with now, 1 when all is well again."""

    factor: float
    text: str


class Governor:
    """A state machine of one number, stepped about once a second."""

    def __init__(self) -> None:
        self._level = 0
        self._moved = float("-inf")
        self._raised = float("-inf")
        self._cool_since: float | None = None
        self._patience = UP_S
        self._reason = ""

    @property
    def factor(self) -> float:
        return STEPS[self._level]

    @property
    def lowered(self) -> str:
        """Why, for an alert; empty at full rate."""
        return f"{self._reason}: inference rate reduced to {100 * self.factor:.0f} %" if self._level else ""

    def step(self, now: float, celsius: float | None, limit: float | None, throttled: bool | None) -> Change | None:
        """What has to change now, if anything. now: monotonic seconds.

        celsius, limit: of the zone that is closest to its limit; None where unknown. throttled: the machine is slowed
        down already, whatever for; None where it does not tell. Where nothing is known, nothing is lowered, and what
        was lowered comes back step by step: a lost sensor must not slow the machine forever.
        """
        reason = _hot(celsius, limit, throttled)
        if reason:
            self._cool_since = None
            if now - self._moved < DOWN_S or self._level == len(STEPS) - 1:
                return None
            self._reason = reason
            self._learn(now)
            return self._move(now, self._level + 1)
        if self._level == 0 or not _cool(celsius, limit):
            self._cool_since = None
            return None
        if self._cool_since is None:
            self._cool_since = now
        if now - max(self._cool_since, self._moved) < self._patience:
            return None
        self._raised = now
        return self._move(now, self._level - 1)

    def _learn(self, now: float) -> None:
        """A step down soon after one up: the latter was too early."""
        if now - self._raised < PROVEN_S:
            self._patience = min(2 * self._patience, PATIENT_S)
            self._raised = float("-inf")
        elif self._level == 0:
            self._patience = UP_S

    def _move(self, now: float, level: int) -> Change:
        self._level, self._moved = level, now
        self._cool_since = None if self._cool_since is None else now
        return Change(self.factor, self.lowered or "cool again: inference rate as configured")


def _hot(celsius: float | None, limit: float | None, throttled: bool | None) -> str:
    """Why less is to be done; empty if nothing is wrong."""
    if celsius is not None and limit is not None and celsius >= limit - MARGIN:
        return f"{celsius:.0f} degrees; this machine is throttled at {limit:.0f}"
    return "the board reports that it is throttled" if throttled else ""


def _cool(celsius: float | None, limit: float | None) -> bool:
    return celsius is None or limit is None or celsius <= limit - MARGIN - HYSTERESIS
