"""What is told where two threads speak of one camera or engine. The parts are doubles: it proves nothing of them."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from agent.capture.status import CameraStatus
from agent.config.model import MqttConfig
from agent.dispatch.result import EngineStatus
from agent.publish.topics import Topics
from agent.runtime.report import Report

TOPICS = Topics("", "gate-pi")


class Camera:
    """Goes offline, on its own thread, in the moment somebody asks how it is."""

    def __init__(self, report: Report) -> None:
        self.config = SimpleNamespace(id="gate")
        self.enabled = True
        self.now = CameraStatus("online", 0.0)
        self._report = report
        self.thread = threading.Thread(target=self._fail)

    def _fail(self) -> None:
        self.now = CameraStatus("offline", 1.0, "cable")
        self._report.on_camera(self, self.now)  # type: ignore[arg-type]

    def status(self, _now: float) -> CameraStatus:
        before = self.now
        self.thread.start()
        self.thread.join(0.5)
        return before


@pytest.fixture
def said() -> list[tuple[str, bytes]]:
    return []


@pytest.fixture
def happened() -> list[str]:
    return []


@pytest.fixture
def report(said: list[tuple[str, bytes]], happened: list[str]) -> Report:
    return Report(
        SimpleNamespace(device="gate-pi", mqtt=MqttConfig()),  # type: ignore[arg-type]
        TOPICS,
        SimpleNamespace(retain=lambda topic, payload: said.append((topic, payload))),  # type: ignore[arg-type]
        SimpleNamespace(put=lambda event: happened.append(event.data["status"])),  # type: ignore[arg-type]
        *(None, None, None),  # type: ignore[arg-type]
        boot_id="",
    )


def test_the_last_word_of_a_camera_is_how_it_is(
    report: Report, said: list[tuple[str, bytes]], happened: list[str]
) -> None:
    camera = Camera(report)
    config = SimpleNamespace(id="gate", source="/dev/video0", motion=SimpleNamespace(enabled=True), confidence=0.5)
    serving = lambda: ("openvino-person", "serving")  # noqa: E731
    report.views["gate"] = SimpleNamespace(  # type: ignore[assignment]
        camera=camera, config=config, told="", engine=("", None), serving=serving, model=SimpleNamespace(name="person")
    )
    report.tell("gate")
    camera.thread.join(5)
    assert [payload for topic, payload in said if topic == TOPICS.camera_status("gate")] == [b"online", b"offline"]
    assert happened == ["online", "offline"]


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
