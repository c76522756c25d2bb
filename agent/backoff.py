"""How long to wait before the next attempt. Belongs to no room: cameras, engines and the broker are all retried."""

from __future__ import annotations

import random


class Backoff:
    """The limit doubles from `first` to `most` seconds; each wait is between its half and it, at random.

    So many who failed together do not come back together.
    """

    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = most
        self._attempts = 0

    def reset(self) -> None:
        """After a success that lasted."""
        self._attempts = 0

    def delay(self, most: float | None = None) -> float:
        """Seconds to wait now. most: another ceiling, for what waiting a little will not mend."""
        limit = min(self._first * 2.0 ** min(self._attempts, 16), self._most if most is None else most)
        self._attempts += 1
        return random.uniform(limit / 2, limit)  # noqa: S311 - jitter, no secret
