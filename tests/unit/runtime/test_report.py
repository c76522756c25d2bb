"""What is told of a camera that several threads speak of. All parts are doubles: it proves nothing of what they do."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from agent.capture.status import CameraStatus
from agent.config.model import MqttConfig
from agent.publish.topics import Topics
from agent.runtime.report import Report


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


def test_the_last_word_of_a_camera_is_how_it_is() -> None:
    said: list[tuple[str, bytes]] = []
    happened: list[str] = []
    topics = Topics("", "gate-pi")
    report = Report(
        SimpleNamespace(device="gate-pi", mqtt=MqttConfig()),  # type: ignore[arg-type]
        topics,
        SimpleNamespace(retain=lambda topic, payload: said.append((topic, payload))),  # type: ignore[arg-type]
        SimpleNamespace(put=lambda event: happened.append(event.data["status"])),  # type: ignore[arg-type]
        *(None, None, None),  # type: ignore[arg-type]
        boot_id="",
    )
    camera = Camera(report)
    config = SimpleNamespace(id="gate", source="/dev/video0", motion=SimpleNamespace(enabled=True), confidence=0.5)
    serving = lambda: ("openvino-person", "serving")  # noqa: E731
    report.views["gate"] = SimpleNamespace(  # type: ignore[assignment]
        camera=camera, config=config, told="", engine=("", None), serving=serving, model=SimpleNamespace(name="person")
    )
    report.tell("gate")
    camera.thread.join(5)
    assert [payload for topic, payload in said if topic == topics.camera_status("gate")] == [b"online", b"offline"]
    assert happened == ["online", "offline"]
