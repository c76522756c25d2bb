"""One model on the engine that runs it here, called from this thread through the daemon's own worker and scaler."""

from __future__ import annotations

import select
import time
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent.dispatch.engine import RemoteEngine
from agent.dispatch.scaler import Scaler
from agent.dispatch.spec import EngineSpec
from agent.dispatch.worker import WorkerProcess
from backends import registry
from backends.contract import BackendError, BackendUnavailable, EngineError
from backends.detections import Detections, Unknown
from backends.models import speeds
from backends.registry import order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.capture.frame import Picture
    from agent.dispatch.result import Done
    from backends.artifact import Artifact
    from backends.contract import Progress
    from backends.registry.registered import Registered

_OPTIONS = {"mode": "latency", "threads": None}
_LEAVE_SECONDS = 2.0
_LOOK_SECONDS = 0.5


class Running:
    """A served model. backend, device, precision: what runs it."""

    def __init__(self, artifact: Artifact, engine: RemoteEngine) -> None:
        spec = artifact.input
        self.artifact = artifact
        self.backend = engine.spec.program.name
        self.device = str(engine.info["device"])
        self.precision = str(engine.info["precision"])
        self._engine = engine
        self._scaler = Scaler(spec.width, spec.height, spec.resize, spec.pad)
        self._count = 0

    def look(self, picture: Picture, floor: float) -> tuple[Detections, float]:
        """What it sees from `floor` on, boxes in 0..1 of the picture, and the milliseconds of the engine and its head.

        Raises EngineError.
        """
        self._count += 1
        slot = self._engine.slots.free.pop()
        placement = self._scaler.scale(picture, 0, self._engine.image(slot))
        self._engine.submit(slot, self._count, floor, time.monotonic())
        while True:
            for done in _turn(self._engine):
                if done.n != self._count:
                    continue
                if isinstance(done.seen, Unknown):
                    raise EngineError(f"{self.artifact.path.name} on {self.backend}: {done.seen.reason}")
                found = placement.to_picture(done.seen.xyxy)
                return Detections(found, done.seen.confidence, done.seen.class_id), done.inference_ms


@contextmanager
def running(artifact: Artifact, progress: Progress) -> Iterator[Running]:
    """The model on the first backend of `auto` that serves it. Raises BackendUnavailable with what each one said."""
    refused = []
    for program in _programs(artifact):
        engine = RemoteEngine(EngineSpec(program.name, program, (artifact,), _OPTIONS), _spawn)
        try:
            try:
                _serve(engine, progress)
            except BackendError as error:
                refused.append(f"  {program.name}: {error}")
                continue
            yield Running(artifact, engine)
            return
        finally:
            engine.close(_LEAVE_SECONDS)
    raise BackendUnavailable(f"no engine here runs {artifact.path}:\n" + "\n".join(refused))


def _programs(artifact: Artifact) -> list[Registered]:
    fps = {name: speed.fps for name, speed in speeds.measured(artifact).items()}
    return [rung.program for rung in order.rungs(registry.discover(), (order.AUTO,), (artifact,), fps)]


def _serve(engine: RemoteEngine, progress: Progress) -> None:
    """Raises BackendUnavailable or EngineError with the first cause: nobody waits here for a second try."""
    progress("load", 0.0)
    while not engine.serving:
        _turn(engine)
        if engine.state == "failed":
            raise EngineError(engine.cause)
        if engine.state in {"absent", "refused"}:
            raise BackendUnavailable(engine.cause)
        progress(engine.progress or "load", 0.0)
    progress("load", 1.0)


def _turn(engine: RemoteEngine) -> list[Done]:
    now = time.monotonic()
    done = engine.advance(now)
    if done or not engine.filenos():
        return done
    wait = min(max(engine.next_deadline() - now, 0.0), _LOOK_SECONDS)
    readable, _, _ = select.select(engine.filenos(), [], [], wait)
    return engine.receive(time.monotonic(), readable)


def _spawn(program: Registered) -> Future[WorkerProcess]:
    future: Future[WorkerProcess] = Future()
    try:
        future.set_result(WorkerProcess(program))
    except OSError as error:
        future.set_exception(error)
    return future
