"""One camera with all that belongs to it, for those who tell of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from agent.config.redact import redact
from agent.histogram import Histogram
from agent.publish.payloads import CameraState

if TYPE_CHECKING:
    from agent.capture.camera import Camera
    from agent.capture.status import CameraStatus
    from agent.config.model import CameraConfig
    from agent.dispatch.dispatcher import Dispatcher
    from agent.dispatch.lane import Lane
    from agent.publish.detections import ModelStamp, Origin
    from agent.publish.payloads import EngineState
    from agent.publish.rate import DetectionsRate

_RATE_WINDOW = 10.0


@dataclass(slots=True)
class View:
    """One camera as seen from outside."""

    config: CameraConfig
    camera: Camera
    lane: Lane
    dispatcher: Dispatcher
    model: ModelStamp
    origin: Origin
    topic: str
    limit: DetectionsRate
    latency: Histogram = field(default_factory=Histogram)
    seq: int = 0
    published: int = 0
    engine: tuple[str, EngineState | None] = ("", None)  # as `cam/<c>/state` says
    told: str = ""  # the state that the last event told
    samples: deque[tuple[float, int, int]] = field(default_factory=deque)  # time, frames in, frames inferred

    def count_on(self, before: View) -> None:
        """In the place of another: numbers that only grow go on, and what was told is known."""
        self.seq, self.published, self.told, self.latency = before.seq, before.published, before.told, before.latency

    def sample(self, now: float) -> None:
        self.samples.append((now, self.camera.frames, self.lane.inferred))
        while len(self.samples) > 2 and now - self.samples[1][0] > _RATE_WINDOW:
            self.samples.popleft()

    def serving(self) -> tuple[str, EngineState | None]:
        """The engine this camera's frames go to, and how it is."""
        ladder = self.dispatcher.ladder
        engine = ladder.current.spec.id
        status = ladder.statuses.get(engine)
        return engine, status.state if status is not None else None

    def stamp(self, backend: str, rev: str) -> ModelStamp:
        """Of the file and backend that looked at a frame, which may change with each."""
        if (self.model.backend, self.model.rev) != (backend, rev):
            self.model = replace(self.model, backend=backend, rev=rev)
        return self.model

    def state(self, status: CameraStatus) -> CameraState:
        """What `cam/<c>/state` says."""
        return CameraState(
            enabled=self.camera.enabled,
            source=redact(self.config.source),
            width=status.width or None,
            height=status.height or None,
            fps=status.fps or None,
            model=self.model.name,
            engine=self.engine[0],
            motion=self.config.motion.enabled,
            confidence=self.config.confidence,
            since=status.since,
            engine_state=self.engine[1],
        )

    def rates(self) -> tuple[float, float]:
        """Frames a second, in and inferred, over the last ten seconds."""
        if len(self.samples) < 2:
            return 0.0, 0.0
        (t0, in0, inferred0), (t1, in1, inferred1) = self.samples[0], self.samples[-1]
        return (in1 - in0) / (t1 - t0), (inferred1 - inferred0) / (t1 - t0)
