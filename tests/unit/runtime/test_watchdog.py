"""Which camera is said to make no progress. It is real, its source is missing; lane and dispatcher are doubles."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from agent.capture.camera import Camera
from agent.capture.mailbox import Mailbox
from agent.config.model import CameraConfig
from agent.runtime.watchdog import stuck

if TYPE_CHECKING:
    from pathlib import Path

    from agent.capture.status import CameraStatus

NOW = 100.0


def said(camera: Camera) -> str | None:
    lane = SimpleNamespace(camera="yard", mailbox=camera.mailbox, answered_at=NOW)
    dispatcher = SimpleNamespace(alive=True, turned_at=NOW, model="person")
    view = SimpleNamespace(camera=camera, lane=lane, dispatcher=dispatcher)
    return stuck([view], NOW, 10.0)  # type: ignore[list-item]


def test_a_camera_that_an_edit_has_stopped_is_not_missed(tmp_path: Path) -> None:
    """Its engine may take a second to give the last answers, in which it is there without a thread."""
    camera = Camera(
        CameraConfig("yard", str(tmp_path / "none.mp4"), "file"), Mailbox(lambda: None, wait=False), lambda *_: None
    )
    assert said(camera) is None, "it is about to be started"
    camera.start()
    assert said(camera) is None
    camera.stop()
    assert camera.join(10)
    assert said(camera) is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_camera_whose_thread_has_ended_by_itself_is(tmp_path: Path) -> None:
    def told(_: Camera, __: CameraStatus) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise SystemExit

    camera = Camera(CameraConfig("yard", str(tmp_path / "none.mp4"), "file"), Mailbox(lambda: None, wait=False), told)
    camera.start()
    assert camera.join(10)
    assert said(camera) == "the thread of camera yard is gone"
