"""What is told where two threads speak of one camera or engine. The parts are doubles: it proves nothing of them."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from agent.capture.status import CameraStatus
from agent.config.model import MqttConfig
from agent.dispatch.result import EngineStatus
from agent.publish.topics import Topics
from agent.runtime.report import Report
from agent.runtime.state import SceneState
from agent.runtime.view import View

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.capture.status import State

TOPICS = Topics("", "gate-pi")


class Turning:
    """A camera. between: is called when somebody has read its state, once, and before that is told."""

    def __init__(self) -> None:
        motion = SimpleNamespace(enabled=True)
        self.config = SimpleNamespace(id="gate", source="/dev/video0", motion=motion, confidence=0.5)
        self.enabled = True
        self.state: State = "connecting"
        self.between: list[Callable[[], None]] = []

    def status(self, _now: float) -> CameraStatus:
        status = CameraStatus(self.state, 0.0)
        if self.between:
            self.between.pop()()
        return status


@pytest.fixture
def said() -> list[tuple[str, bytes]]:
    return []


@pytest.fixture
def happened() -> list[str]:
    return []


@pytest.fixture
def report(said: list[tuple[str, bytes]], happened: list[str], tmp_path: Path) -> Report:
    return Report(
        SimpleNamespace(device="gate-pi", mqtt=MqttConfig()),  # type: ignore[arg-type]
        TOPICS,
        SimpleNamespace(retain=lambda topic, payload: said.append((topic, payload))),  # type: ignore[arg-type]
        SimpleNamespace(put=lambda event: happened.append(event.data["status"])),  # type: ignore[arg-type]
        SceneState(tmp_path),
        *(None, None),  # type: ignore[arg-type]
        boot_id="",
    )


def test_the_last_word_of_a_camera_is_how_it_is(
    report: Report, said: list[tuple[str, bytes]], happened: list[str]
) -> None:
    camera: Any = Turning()
    ladder = SimpleNamespace(current=SimpleNamespace(spec=SimpleNamespace(id="openvino-person")), statuses={})
    dispatcher, model, unused = SimpleNamespace(ladder=ladder), SimpleNamespace(name="person"), None
    report.views["gate"] = View(camera.config, camera, unused, dispatcher, model, unused, "", unused)  # type: ignore[arg-type]
    own = threading.Thread(target=lambda: report.on_camera(camera, CameraStatus("online", 0.0)))

    def turn() -> None:
        camera.state = "online"
        own.start()
        own.join(0.3)  # it need not have come through

    report.tell("gate")
    camera.between = [turn]
    report.tell("gate")
    own.join()
    assert [payload for topic, payload in said if topic == TOPICS.camera_status("gate")][-1] == b"online"
    assert happened == ["connecting", "online"]


def test_the_last_word_of_an_engine_is_how_it_is(report: Report, said: list[tuple[str, bytes]]) -> None:
    """A reload tells of the new engines on the main thread, while they go on to load on theirs."""
    loading = EngineStatus("e", "loading", "openvino", "cpu", "", None, 0.0)
    serving = replace(loading, state="serving")

    class Statuses(dict[str, EngineStatus]):
        def items(self) -> Any:
            before = [("e", self["e"])]
            self["e"] = serving
            thread.start()
            thread.join(0.5)
            return before

    thread = threading.Thread(target=report.on_engine, args=("e", serving))
    report.tell_engines(SimpleNamespace(statuses=Statuses(e=loading)))  # type: ignore[arg-type]
    thread.join(5)
    assert [json.loads(payload)["state"] for _, payload in said] == ["loading", "serving"]
