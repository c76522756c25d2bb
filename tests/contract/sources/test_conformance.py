"""What every kind of source owes the rest of the house. V4L2 is not among them: no video device exists in CI.

csi: is a double of picamera2 in a real child; it proves nothing of a camera.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from shutil import which
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.capture import csi, picamera
from agent.capture.gst import LAUNCH
from agent.config.model import CameraConfig
from tests.contract.sources.watch import watching
from tests.support.counter import read_counter
from tests.support.picamera import python, raw
from tests.support.servers import MJPEG_URL, RTSP_URL, mjpeg_server, rtsp_missing, rtsp_server, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WIDTH, HEIGHT, FRAMES = 320, 240, 50
rooted = [pytest.mark.rooted, pytest.mark.skipif(bool(rtsp_missing()), reason=rtsp_missing() or "it is there")]
RAW = (
    "gst:multifilesrc loop=true location={clip} ! rawvideoparse format=i420 width={w} height={h} framerate=25/1 "
    "! identity sync=true"
)
KINDS = [
    "file",
    "folder",
    "http",
    "csi",
    pytest.param("gst", marks=[pytest.mark.rooted, pytest.mark.skipif(which(LAUNCH) is None, reason=f"no {LAUNCH}")]),
    *(pytest.param(kind, marks=rooted) for kind in ("rtsp", "rtsp-h265", "rtsp-udp", "rtsp-jpeg")),
]


@pytest.fixture
def source(request: pytest.FixtureRequest) -> Iterator[Callable[..., CameraConfig]]:
    """Starts the kind's server where it has one; gives a factory of configs that read it."""
    kind: str = request.param
    clip = {"http": "mjpeg", "folder": "images", "rtsp-h265": "h265", "rtsp-jpeg": "mjpeg"}.get(kind, "h264")
    path = request.getfixturevalue(clip)
    with ExitStack() as stack:
        where, more = str(path), {}
        if kind == "http":
            where = stack.enter_context(serve(mjpeg_server(path), MJPEG_URL)).url
        elif kind.startswith("rtsp"):
            codec = {"rtsp-h265": "h265", "rtsp-jpeg": "jpeg"}.get(kind, "h264")
            where = stack.enter_context(serve(rtsp_server(path, codec=codec), RTSP_URL)).url
            more = {"transport": "udp"} if kind == "rtsp-udp" else {}
        elif kind in {"csi", "gst"}:
            folder: Path = request.getfixturevalue("tmp_path")
            clip = raw(path, folder / "clip.i420")
            where = RAW.format(clip=clip, w=WIDTH, h=HEIGHT) if kind == "gst" else "csi:0"
            if kind == "csi":
                stack.enter_context(as_a_pi(folder, clip))

        def config(**options: object) -> CameraConfig:
            return CameraConfig(kind, where, kind.partition("-")[0], **{**more, **options})  # type: ignore[arg-type]

        yield config


@contextmanager
def as_a_pi(folder: Path, clip: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csi, "is_jetson", lambda: False)
        patch.setattr(picamera, "PYTHONS", [python(folder / "venv")])
        patch.setenv("PICAMERA2_DOUBLE", json.dumps({"clip": str(clip)}))
        yield


all_kinds = pytest.mark.parametrize("source", KINDS, indirect=True)


@all_kinds
def test_frames_are_whole_in_order_and_dated(source: Callable[..., CameraConfig]) -> None:
    began = time.time()
    with watching(source(loop=True)) as watch:
        frames = watch.frames(30)
        # A gst-rtsp-server refuses a second client (FFmpeg, after ours found no H.264) while the first one leaves, and
        # on a busy machine one may send nothing at first.
        nothing = "no data for", "no answer within"
        silent = watch.camera.config.kind == "rtsp" and any(s.error.startswith(nothing) for s in watch.statuses)
        assert watch.states == ["connecting", "online"] or "jpeg" in watch.camera.config.id or silent
        status = watch.statuses[-1]
    assert (status.width, status.height) == (WIDTH, HEIGHT)
    assert status.decoder.endswith((" software", "picamera2", "gstreamer"))
    assert status.error == ""

    counters = [read_counter(frame.picture.y) for frame in frames]
    for frame, counter in zip(frames, counters, strict=True):
        assert (frame.width, frame.height, frame.rotate) == (WIDTH, HEIGHT, 0)
        assert frame.picture.y.shape == (HEIGHT, WIDTH)
        assert counter is not None, f"frame {frame.index} is damaged"
        assert began <= frame.captured_at <= time.time()
        assert frame.monotonic <= time.monotonic()
    for earlier, later in pairwise(frames):
        assert later.index > earlier.index
        assert later.media_time > earlier.media_time
        assert later.captured_at > earlier.captured_at
    first = counters[0] or 0
    steps = [((counter or 0) - first) % FRAMES for counter in counters]
    counted = [(frame.index - frames[0].index) % FRAMES for frame in frames]
    if watch.camera.config.kind == "gst":  # a child that is late leaves out what nobody can count
        steps = [step - number for step, number in zip(steps, counted, strict=True)]
        assert steps == sorted(steps), "a picture came twice, or late"
    else:
        assert steps == counted


@all_kinds
def test_rotation_is_announced_and_left_to_others(source: Callable[..., CameraConfig]) -> None:
    with watching(source(rotate=90)) as watch:
        (frame,) = watch.frames(1)
        status = watch.until("online")
    assert (frame.width, frame.height, frame.rotate) == (HEIGHT, WIDTH, 90)
    assert frame.picture.y.shape == (HEIGHT, WIDTH)
    assert (status.width, status.height) == (HEIGHT, WIDTH)


@all_kinds
def test_chroma_is_there(source: Callable[..., CameraConfig]) -> None:
    with watching(source()) as watch:
        (frame,) = watch.frames(1)
    picture = frame.picture
    assert picture.u is not None
    assert picture.v is not None
    assert picture.u.shape == picture.v.shape
    assert np.abs(picture.u.mean() - 110) < 6
    assert np.abs(picture.v.mean() - 140) < 6


@contextmanager
def port_of_nobody() -> Iterator[int]:
    import socket

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        yield bound.getsockname()[1]


@pytest.mark.parametrize("kind", ["rtsp", "http", "v4l2", "file", "folder"])
def test_a_source_that_is_not_there_is_offline_and_tried_again(kind: str, tmp_path: object) -> None:
    with port_of_nobody() as port:
        where = f"{kind}://127.0.0.1:{port}/live" if kind in {"rtsp", "http"} else f"{tmp_path}/none"
        with watching(CameraConfig("cam", where, kind, timeout=2)) as watch:  # type: ignore[arg-type]
            first = watch.until("offline")
            watch.wait(lambda: watch.camera.status(time.monotonic()).attempts >= 3)
            assert watch.camera.reconnects >= 2
            assert watch.states == ["connecting", "offline"], "retries are not news"
    assert first.attempts == 1
    assert "refused" in first.error or "No such" in first.error


def test_a_device_that_is_no_camera_says_so() -> None:
    """As far as V4L2 goes without a video device: opening, and what its errors mean. Pictures are not proven here."""
    with watching(CameraConfig("cam", "/dev/null", "v4l2")) as watch:
        assert "not a camera?" in watch.until("offline").error
