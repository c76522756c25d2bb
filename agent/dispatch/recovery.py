"""When an engine that failed, or is not there, is started again."""

from __future__ import annotations

from agent.backoff import Backoff

FAILED_MOST = 30.0
ABSENT_MOST = 300.0
_FAILED_FIRST, _ABSENT_FIRST = 0.5, 2.0
_HEALTHY_AFTER = 10.0


class Recovery:
    """retry_at: time.monotonic() of the next attempt. expected: somebody counts on the engine."""

    def __init__(self, *, expected: bool) -> None:
        self.retry_at = 0.0
        self._failing = Backoff(_FAILED_FIRST, FAILED_MOST)
        self._absent = Backoff(_ABSENT_FIRST, ABSENT_MOST)
        self._failed = False
        self._expected = expected

    def served(self, seconds: float) -> None:
        """It was there, and answered frames for so long: for long enough, and its past is forgotten.

        An engine that nobody asks shows nothing: a broken one would have each first frame of a quiet camera.
        """
        self._expected = True
        self._absent.reset()
        if seconds > _HEALTHY_AFTER:
            self._failing.reset()
            self._failed = False

    def after_failure(self, now: float) -> None:
        """The first replacement starts at once: every moment without an engine is a blind one."""
        self.retry_at = now + self._failing.delay() if self._failed else now
        self._failed = True

    def after_absence(self, now: float) -> None:
        """A stick that was pulled may be back soon; a chip that nobody spoke of hardly ever is."""
        self.retry_at = now + self._absent.delay(FAILED_MOST if self._expected else ABSENT_MOST)
