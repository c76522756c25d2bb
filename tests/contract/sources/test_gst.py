"""GStreamer pipelines in a child: real ones, made of test sources; and what becomes of those that fail.

Proves nothing of a Jetson's or a Pi's camera: csi: is read with a test source in the place of the board's.
"""

from __future__ import annotations

import os
import shutil
import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from agent.capture import csi, picamera
from agent.capture.gst import LAUNCH, GstSource
from agent.capture.source import SourceError
from agent.config.model import CameraConfig
from tests.contract.sources.conftest import write_image
from tests.contract.sources.watch import Watch, watching
from tests.support.clips import scene

pytestmark = [
    pytest.mark.rooted,
    pytest.mark.skipif(
        shutil.which(LAUNCH) is None, reason=f"{LAUNCH} is not installed (apt install gstreamer1.0-tools)"
    ),
]
LIVE = "videotestsrc is-live=true pattern=white ! video/x-raw,width={w},height={h},framerate=30/1"


def config(pipeline: str, **more: object) -> CameraConfig:
    return CameraConfig("cam", f"gst:{pipeline}", "gst", **{"timeout": 2.0, **more})  # type: ignore[arg-type]


def child(watch: Watch) -> int:
    source = watch.camera._source
    assert isinstance(source, GstSource)
    return source._child.pid


@pytest.mark.parametrize(("width", "height"), [(320, 240), (322, 243), (641, 361)])
def test_pictures_have_their_size_whatever_the_padding(width: int, height: int) -> None:
    with watching(config(LIVE.format(w=width, h=height))) as watch:
        frames = watch.frames(10)
        status = watch.statuses[-1]
    assert (status.width, status.height, status.fps, status.decoder) == (width, height, 30.0, "gstreamer")
    for frame in frames:
        picture = frame.picture
        assert picture.y.shape == (height, width)
        assert picture.u is not None
        assert picture.u.shape == ((height + 1) // 2, (width + 1) // 2)
        assert np.unique(picture.y).tolist() == [235], "white is not white in every corner"
        assert abs(int(picture.u.min()) - 128) <= 1
        assert abs(int(picture.u.max()) - 128) <= 1
    assert all(later.media_time > earlier.media_time for earlier, later in pairwise(frames))


@pytest.mark.parametrize("decoder", ["jpegdec", "decodebin"])
def test_a_jpeg_has_full_range(decoder: str, tmp_path: Path) -> None:
    write_image(tmp_path / "1.jpg", next(scene(320, 240)))
    pipeline = f"multifilesrc location={tmp_path}/1.jpg num-buffers=5 caps=image/jpeg,framerate=5/1 ! {decoder}"
    with watching(config(pipeline)) as watch:
        assert watch.frames(1)[0].picture.full_range
    with watching(config(LIVE.format(w=320, h=240))) as watch:
        assert not watch.frames(1)[0].picture.full_range


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        ("videotestsrc ! nosuchelement", "nosuchelement"),
        ("videotestsrc ! video/x-raw,width=(", "could not parse caps"),
        ("filesrc location=/no/such/file ! decodebin", "Resource not found"),
        ("audiotestsrc", "could not link"),
        ("videotestsrc num-buffers=3", "the pipeline ended"),
        ("videotestsrc ! valve drop=true", "no picture for"),
    ],
)
def test_one_that_fails_is_offline_with_its_own_words_and_tried_again(pipeline: str, words: str) -> None:
    with watching(config(pipeline, timeout=1.0)) as watch:
        status = watch.until("offline")
        assert words in status.error
        watch.wait(lambda: watch.camera.reconnects >= 1)


def test_a_child_that_is_killed_or_frozen_is_replaced() -> None:
    with watching(config(LIVE.format(w=320, h=240))) as watch:
        watch.frames(5)
        os.kill(child(watch), signal.SIGKILL)
        watch.until("offline")
        watch.until("online")
        watch.frames(5)
        os.kill(child(watch), signal.SIGSTOP)
        watch.until("stalled")
        watch.until("online")
        watch.frames(5)


def test_a_slow_reader_gets_the_newest_picture() -> None:
    with watching(config(LIVE.format(w=320, h=240))) as watch:
        first = watch.frames(1)[0]
        watch.wait(lambda: watch.camera.frames > first.index + 30)
        late = watch.frames(1)[0]
    assert late.index >= first.index + 30


def test_a_hundred_openings_leave_nothing_behind() -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    for n in range(100):
        with pytest.raises(SourceError):
            GstSource("nosuchelement", 2.0, lambda: False)
        if n == 0:
            before = descriptors()
    assert descriptors() == before
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    states = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in children]
    assert "Z" not in states


BOARDS = {
    "jetson": (csi.ARGUS, {"nvarguscamerasrc sensor-id=1": "", "(memory:NVMM)": "", "nvvidconv": "videoconvert"}),
    "other": (csi.LIBCAMERA, {"libcamerasrc": ""}),
}


@pytest.mark.parametrize("board", BOARDS)
def test_a_camera_on_the_board_is_a_pipeline_of_the_board(board: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The board's own elements replaced by those that stand here for them; all else is as on the board."""
    pipeline, replaced = BOARDS[board]
    pipeline = pipeline.format(n=1)
    for theirs, ours in replaced.items():
        assert theirs in pipeline
        pipeline = pipeline.replace(theirs, ours or ("" if theirs.startswith("(") else "videotestsrc is-live=true"))
    monkeypatch.setattr(csi, "is_jetson", lambda: board == "jetson")
    monkeypatch.setattr(csi, "ARGUS", pipeline)
    monkeypatch.setattr(csi, "LIBCAMERA", pipeline)
    monkeypatch.setattr(picamera, "PYTHONS", [])
    with watching(CameraConfig("cam", "csi:1" if board == "jetson" else "csi:0", "csi")) as watch:
        (frame,) = watch.frames(1)
    assert (frame.width, frame.height) == (1280, 720)


def test_without_its_elements_the_error_names_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csi, "is_jetson", lambda: False)
    monkeypatch.setattr(picamera, "PYTHONS", [])
    monkeypatch.setattr(csi, "LIBCAMERA", "nosuchlibcamerasrc")
    with watching(CameraConfig("cam", "csi:0", "csi")) as watch:
        error = watch.until("offline").error
    for words in ("picamera2 is not installed", "nosuchlibcamerasrc", "python3-picamera2", "gstreamer1.0-libcamera"):
        assert words in error
