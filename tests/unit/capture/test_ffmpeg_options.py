from __future__ import annotations

import errno
from pathlib import Path

import pytest

from agent.capture import ffmpeg_options
from agent.capture.ffmpeg_options import explain, hardware_types, inputs_of
from agent.capture.folder import natural
from agent.config.model import CameraConfig
from agent.config.secrets import Secret
from tests.support.stranger import holds_outside


def test_credentials_are_percent_encoded_and_never_in_a_repr() -> None:
    config = CameraConfig("c", "rtsp://cam:554/a?b=c", "rtsp", username="us er", password=Secret("p@/:#"))
    (way,) = inputs_of(config)
    assert way.url == "rtsp://us%20er:p%40%2F%3A%23@cam:554/a?b=c"
    assert "%40" not in repr(way)


@pytest.mark.parametrize(
    ("kind", "error", "says"),
    [
        ("v4l2", OSError(errno.EBUSY, "Device or resource busy"), "another program"),
        ("v4l2", OSError(errno.EACCES, "Permission denied"), "group `video`"),
        ("v4l2", OSError(errno.ENOENT, "No such file"), "plugged in"),
        ("v4l2", OSError(errno.ENOTTY, "Inappropriate ioctl"), "not a camera?"),
        ("http", TimeoutError(), "no answer within 5 s"),
        ("file", OSError(errno.EACCES, "Permission denied"), "cannot read src: Permission denied"),
    ],
)
def test_errors_say_what_to_do(kind: str, error: Exception, says: str) -> None:
    config = CameraConfig("c", "src", kind)  # type: ignore[arg-type]
    assert says in str(explain(error, config))


def test_a_file_in_a_closed_folder_is_left_to_ffmpeg_which_says_why(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    config = CameraConfig("c", str(folder / "clip.mp4"), "file")
    assert holds_outside(folder, lambda: [way.url for way in inputs_of(config)] == [config.source])


def test_a_device_that_vanishes_while_it_streams_is_not_one_that_cannot_be_opened() -> None:
    text = str(explain(OSError(errno.ENODEV, "No such device"), CameraConfig("c", "/dev/video0", "v4l2"), opened=True))
    assert text == "/dev/video0 stopped: No such device (is it still plugged in, with enough power?)"


@pytest.mark.parametrize(
    ("wanted", "built", "nodes", "tried"),
    [
        ("none", ["cuda"], True, []),
        ("auto", ["cuda", "amf"], True, ["cuda"]),
        ("auto", ["cuda", "vaapi"], False, []),
        ("vaapi", [], False, ["vaapi"]),
    ],
)
def test_hardware_is_tried_where_the_machine_shows_it(
    wanted: str, built: list[str], nodes: bool, tried: list[str], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = str(tmp_path) if nodes else f"{tmp_path}/none"
    monkeypatch.setattr(ffmpeg_options, "DEVICE_NODES", {"cuda": (where,), "vaapi": (where,)})
    assert hardware_types(wanted, built) == tried


def test_natural_order() -> None:
    names = ["img10.jpg", "img2.jpg", "IMG1.jpg", "a.png", "2.png", "img2b.jpg"]
    assert sorted(names, key=natural) == ["2.png", "a.png", "IMG1.jpg", "img2.jpg", "img2b.jpg", "img10.jpg"]
