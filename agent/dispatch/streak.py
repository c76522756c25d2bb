"""Errors in a row. Each alone may be its frame's; together they are the engine's."""

from __future__ import annotations

ERRORS = 3
SECONDS = 1.0


class Streak:
    """Of one loaded engine's retriable errors."""

    def __init__(self) -> None:
        self.errors = 0
        self._since = 0.0

    def reset(self) -> None:
        """A frame was answered."""
        self.errors = 0

    def too_many(self, now: float) -> bool:
        """Counts one more. Whether there are ERRORS or more in a row, the first at least SECONDS ago.

        now: time.monotonic(). Both, since a fast engine fails three frames in a moment that passes, and a slow one is
        not asked three times in a second.
        """
        if not self.errors:
            self._since = now
        self.errors += 1
        return self.errors >= ERRORS and now - self._since >= SECONDS
