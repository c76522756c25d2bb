"""How long to wait before the next attempt: exponential, with full jitter, so that cameras do not retry in step."""

from __future__ import annotations

import random

FIRST = 0.5
LONGEST = 30.0
SHORTEST = 0.1


class Backoff:
    def __init__(self) -> None:
        self._attempts = 0

    def reset(self) -> None:
        self._attempts = 0

    def delay(self) -> float:
        """Seconds, at random up to a limit that doubles with each call from 0.5 to 30."""
        limit = min(LONGEST, FIRST * 2.0 ** min(self._attempts, 10))
        self._attempts += 1
        return random.uniform(SHORTEST, limit)  # noqa: S311 - spreads load, guards nothing
