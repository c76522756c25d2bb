"""How long to wait before the next attempt."""

from __future__ import annotations

import random

FIRST_S = 0.5
SLOW_S = 60.0
STABLE_S = 10.0


class Backoff:
    """Doubles from 0.5 s to `maximum`, a quarter of jitter either way; a stable connection resets it."""

    def __init__(self, maximum: float) -> None:
        self._maximum = maximum
        self._attempts = 0
        self._last = 0.0

    def after(self, lasted: float, *, slow: bool) -> float:
        """Seconds to wait now.

        lasted: how long the connection that just ended had held, 0 if none was made. slow: a fault that
        waiting does not mend (a wrong password, a second client of the same name): the ceiling is a minute
        then.
        """
        if lasted >= max(STABLE_S, 2 * self._last):  # two clients that push each other out wait ever longer, both
            self._attempts = 0
        ceiling = max(SLOW_S, self._maximum) if slow else self._maximum
        delay = min(FIRST_S * 2.0 ** min(self._attempts, 16), ceiling)
        self._attempts += 1
        self._last = min(delay * random.uniform(0.75, 1.25), ceiling)  # noqa: S311 - jitter, no secret
        return self._last
