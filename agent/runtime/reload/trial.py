"""Whether a config sent over MQTT leaves the device as well as it was: cameras, engines and the broker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agent.runtime.transition import LONGEST_S

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent.runtime.pipeline import Pipeline

TRIAL_S = 30.0
"""From when it runs. Nobody may be there to mend what it breaks."""
LAST_S = 5.0
"""At its end: all was well once in these. A camera may be opened anew just when the time is over."""
_FINE = frozenset({"online", "ended"})


class Trial:
    """excused: cameras that did not work before, and need not now. loading: its engines are yet to be loaded.

    Then the time counts from when they serve, or once LONGEST_S have passed.
    """

    def __init__(self, pipeline: Pipeline, excused: Collection[str], now: float, *, loading: bool = False) -> None:
        self._pipeline = pipeline
        self._excused = frozenset(excused)
        self._latest = now + LONGEST_S
        self._until = None if loading else now + TRIAL_S
        self._well = False

    def turn(self, now: float) -> list[str] | None:
        """None while it has time left; then what does not work: key and words. now: time.monotonic()."""
        if self._until is None:
            if now < self._latest and self._idle():
                return None
            self._until = now + TRIAL_S
        if now < self._until - LAST_S:
            return None
        faults = self._faults(now)
        self._well |= not faults
        if now < self._until:
            return None
        return [] if self._well else faults

    def _faults(self, now: float) -> list[str]:
        pipeline = self._pipeline
        found = [] if pipeline.publisher.connected else [f"mqtt: {pipeline.publisher.last_error or 'not connected'}"]
        for name, camera in pipeline.cameras.items():
            status = camera.status(now)
            if camera.enabled and name not in self._excused and status.state not in _FINE:
                found.append(f"cameras.{name}: {status.state} {status.error}".rstrip())
        return found + [f"model: {cause}" for cause in self._idle()]

    def _idle(self) -> list[str]:
        """Of each model that no engine serves, why."""
        ladders = [dispatcher.ladder for dispatcher in self._pipeline.dispatchers]
        return [ladder.current.cause or "no engine serves" for ladder in ladders if not ladder.serving]


def broken(pipeline: Pipeline) -> frozenset[str]:
    """The cameras that do not work now."""
    now = time.monotonic()
    return frozenset(name for name, camera in pipeline.cameras.items() if camera.status(now).state not in _FINE)
