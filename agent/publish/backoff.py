"""How long to wait before the next attempt to reach the broker."""

from __future__ import annotations

from agent.backoff import Backoff

FIRST_S = 1.0
SLOW_S = 60.0
STABLE_S = 10.0


class ReconnectBackoff:
    """From half a second up to `maximum`, or to a minute for what waiting does not mend; stability resets it.

    Where the broker's machine is there and only the broker is not, an attempt costs nothing: up to half of `maximum`.
    """

    def __init__(self, maximum: float) -> None:
        self._backoff = Backoff(FIRST_S, maximum)
        self._slow = max(SLOW_S, maximum)
        self._quick = maximum / 2
        self._last = 0.0

    def after(self, lasted: float, *, slow: bool, quick: bool = False) -> float:
        """Seconds to wait now.

        lasted: how long the connection that just ended had held, 0 if none was made. slow: a fault that
        waiting does not mend (a wrong password, a second client of the same name). quick: one that ends with the
        broker's start.
        """
        if lasted >= max(STABLE_S, 2 * self._last):  # two clients that push each other out wait ever longer, both
            self._backoff.reset()
        self._last = self._backoff.delay(self._slow if slow else self._quick if quick else None)
        return self._last
