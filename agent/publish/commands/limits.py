"""How many commands, and how many events about them, a device takes. Pure: told the time."""

from __future__ import annotations

from agent.publish.bucket import Bucket

CHEAP = frozenset({"ping", "info"})


class Rates:
    """What answers at once may be asked often, what does something seldom; and nobody can flood the outbox."""

    def __init__(self) -> None:
        self._cheap, self._others = Bucket(200, 400), Bucket(20, 100)
        self._events = Bucket(5, 50)
        self._suppressed = 0

    def allows(self, name: str, now: float) -> bool:
        return (self._cheap if name in CHEAP else self._others).take(now)

    def limit(self, name: str) -> str:
        """In words."""
        bucket = self._cheap if name in CHEAP else self._others
        return f"{bucket.rate:g} a second, {bucket.burst:g} at once"

    def event(self, now: float, *, matters: bool) -> int | None:
        """How many events were left out before the one that may go now; None if it may not. matters: it always may."""
        if not self._events.take(now) and not matters:
            self._suppressed += 1
            return None
        suppressed, self._suppressed = self._suppressed, 0
        return suppressed
