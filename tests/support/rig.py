"""A dispatcher with a real worker, and cameras that are the test's."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

import numpy as np

from agent.capture.frame import Frame, Motion, Picture
from agent.capture.mailbox import Mailbox
from agent.dispatch.dispatcher import Dispatcher
from agent.dispatch.ladder import Ladder
from agent.dispatch.lane import Lane
from agent.dispatch.spec import EngineSpec
from agent.dispatch.worker import WorkerProcess
from agent.perception.scene import Scene
from agent.perception.settings import LabelRule, Settings
from backends.detections import Detections
from backends.registry.registered import Registered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.dispatch.result import Pixels, Result
    from agent.perception.facts import Facts
    from backends.artifact import Artifact

OPENVINO = "backends.openvino:OpenVINO"
FAKE = "backends.testing.fake:Fake"


def spawn(program: Registered) -> Future[WorkerProcess]:
    """As the daemon's `Spawner`, at once: call it on a thread that lives as long as the worker."""
    future: Future[WorkerProcess] = Future()
    future.set_result(WorkerProcess(program))
    return future


def frame(camera: str, index: int, luma: int, motion: Motion | None = None) -> Frame:
    """A gray picture: the model's box tells its brightness."""
    picture = Picture(np.full((48, 64), luma, np.uint8), None, None, None, False, None)
    now = time.monotonic()
    return Frame(camera, index, picture, 64, 48, 0, time.time(), now, float(index), motion)


def everything(_camera: str) -> Scene:
    return Scene(Settings({0: LabelRule(0.0)}))


class Rig:
    """cameras: id to live. scene: makes a camera's."""

    def __init__(
        self,
        artifact: Artifact,
        cameras: dict[str, bool],
        entry: str = OPENVINO,
        scene: Callable[[str], Scene] = everything,
        **options: object,
    ) -> None:
        self.results: dict[str, list[Result]] = {camera: [] for camera in cameras}
        self.facts: list[tuple[str, Facts, Mapping[int, Pixels]]] = []
        self.arrived = threading.Condition()
        program = Registered("openvino", entry, "")
        settings = {} if entry == FAKE else {"mode": "throughput", "threads": 2, **options}
        spec = EngineSpec("test", program, (artifact,), settings)
        self.ladder = Ladder([spec], spawn, lambda _engine, _status: None, warm=False)
        self.engine = self.ladder.rungs[0]
        self.lanes = [Lane(c, Mailbox(self.wake, wait=not live), scene(c), 0, live, 0.0) for c, live in cameras.items()]
        self.dispatcher = Dispatcher("test", self.ladder, self.lanes, self.hear, self.hear_facts)

    def wake(self) -> None:
        self.dispatcher.frame_came()

    def hear(self, result: Result) -> None:
        with self.arrived:
            self.results[result.frame.camera].append(result)
            self.arrived.notify_all()

    def hear_facts(self, camera: str, facts: Facts, pictures: Mapping[int, Pixels]) -> None:
        with self.arrived:
            self.facts.append((camera, facts, pictures))
            self.arrived.notify_all()

    def wait_for(self, camera: str, count: int, seconds: float = 20) -> list[Result]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.results[camera]) >= count, seconds)
        return self.results[camera]

    def inferred(self, camera: str) -> list[Result]:
        return [r for r in self.results[camera] if isinstance(r.facts.seen, Detections)]

    def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def until_serving(self) -> None:
        self.until(lambda: self.engine.serving)
