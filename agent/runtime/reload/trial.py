"""Whether a config from afar leaves the device as well as it was: cameras, engines and the broker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent.runtime.pipeline import Pipeline

TRIAL_S = 30.0
"""From when it runs. Nobody may be there to mend what it breaks."""
_FINE = frozenset({"online", "ended"})


class Trial:
    """excused: cameras that did not work before, and need not now."""

    def __init__(self, pipeline: Pipeline, excused: Collection[str], now: float) -> None:
        self._pipeline = pipeline
        self._excused = frozenset(excused)
        self._until = now + TRIAL_S

    def over(self, now: float) -> bool:
        return now >= self._until

    def faults(self, now: float) -> list[str]:
        """What does not work: key and words, one after the other. now: time.monotonic()."""
        pipeline = self._pipeline
        found = [] if pipeline.publisher.connected else [f"mqtt: {pipeline.publisher.last_error or 'not connected'}"]
        for name, camera in pipeline.cameras.items():
            status = camera.status(now)
            if camera.enabled and name not in self._excused and status.state not in _FINE:
                found.append(f"cameras.{name}: {status.state} {status.error}".rstrip())
        ladders = [dispatcher.ladder for dispatcher in pipeline.dispatchers]
        idle = [ladder.current.cause or "no engine serves" for ladder in ladders if not ladder.serving]
        return found + [f"model: {cause}" for cause in idle]


def broken(pipeline: Pipeline) -> frozenset[str]:
    """The cameras that do not work now."""
    now = time.monotonic()
    return frozenset(name for name, camera in pipeline.cameras.items() if camera.status(now).state not in _FINE)
