"""What is told of a camera by several threads: its own, and the one that looks after it."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from agent.capture.status import CameraStatus
from agent.config.model import CameraConfig
from agent.publish.topics import Topics
from agent.runtime.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.capture.status import State

TOPICS = Topics("", "gate")


class Told:
    """In place of the publisher and the outbox."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.states: list[str] = []

    def retain(self, topic: str, payload: bytes) -> None:
        self.values[topic] = payload

    def put(self, event: Any) -> None:
        self.states.append(event.data["status"])


class Turning:
    """A camera. between: is called when somebody has read its state, once, and before that is told."""

    def __init__(self) -> None:
        self.config = CameraConfig(id="yard", source="yard.mp4", kind="file")
        self.enabled = True
        self.state: State = "connecting"
        self.between: list[Callable[[], None]] = []

    def status(self, _now: float) -> CameraStatus:
        status = CameraStatus(self.state, 0.0)
        if self.between:
            self.between.pop()()
        return status


@pytest.mark.parametrize("reads", [0, 1])
def test_a_camera_that_turns_while_it_is_told_of_is_told_as_it_is(reads: int) -> None:
    """Between any of the looks at its state and the word of it."""
    camera, told = Turning(), Told()
    parts: Any = (None, TOPICS, told, told, None, None, None, "boot")
    report = Report(*parts)
    view: Any = SimpleNamespace(
        camera=camera,
        config=camera.config,
        told="",
        engine=("", None),
        serving=lambda: ("openvino-person", "serving"),
        model=SimpleNamespace(name="person"),
    )
    report.views = {"yard": view}
    own = threading.Thread(target=lambda: report.on_camera(camera, CameraStatus("online", 0.0)))

    def turn() -> None:
        camera.state = "online"
        own.start()
        own.join(0.3)  # it need not have come through

    report.tell("yard")
    camera.between = [turn, *[lambda: None] * reads]
    report.tell("yard")
    own.join()
    assert told.values[TOPICS.camera_status("yard")] == b"online"
    assert told.states == ["connecting", "online"]
