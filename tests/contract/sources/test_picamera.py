"""Cameras on a Pi's connector, through a double of picamera2 in a child; and what becomes of those that fail.

Proves nothing of libcamera, of a sensor or of the ISP. tests/slow/picamera2 holds the double against the real package.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from agent.capture import csi, picamera
from agent.capture.picamera_child import scaled, widest
from agent.capture.source import SourceError
from agent.config.model import CameraConfig
from tests.contract.sources.watch import Watch, watching
from tests.support.picamera import python, raw

if TYPE_CHECKING:
    from collections.abc import Callable

CSI = CameraConfig("cam", "csi:0", "csi", timeout=5.0)


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> str:
    return python(tmp_path_factory.mktemp("picamera") / "venv")


@pytest.fixture
def play(interpreter: str, h264: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the double's script for the openings to come."""
    clip = raw(h264, tmp_path / "clip.i420")
    monkeypatch.setattr(picamera, "PYTHONS", [interpreter])

    def script(**more: Any) -> None:
        monkeypatch.setenv("PICAMERA2_DOUBLE", json.dumps({"clip": str(clip), **more}))

    script()
    return script


def child(watch: Watch) -> int:
    source = watch.camera._source
    assert isinstance(source, picamera.PicameraSource)
    return source._child.pid


@pytest.mark.parametrize("align", [32, 64, 256])
def test_pictures_are_whole_whatever_the_padding(play: Callable[..., None], tmp_path: Path, align: int) -> None:
    """White, in grey padding: none of it is seen. The size is one that no alignment fits."""
    width, height = 322, 246
    flat = np.concatenate([np.full(width * height, 200), np.full(width * height // 2, 90)]).astype(np.uint8)
    flat.tofile(tmp_path / "flat.i420")
    play(clip=str(tmp_path / "flat.i420"), size=[width, height], align=align)
    with watching(CSI) as watch:
        (frame,) = watch.frames(1)
        status = watch.until("online")
    assert (status.width, status.height, status.fps, status.decoder) == (width, height, 30.0, "picamera2")
    picture = frame.picture
    assert picture.u is not None
    assert picture.v is not None
    assert picture.y.shape == (height, width)
    assert picture.u.shape == picture.v.shape == (height // 2, width // 2)
    assert np.unique(picture.y).tolist() == [200]
    assert np.unique(picture.u).tolist() == np.unique(picture.v).tolist() == [90]


def test_its_time_is_the_sensor_s(play: Callable[..., None]) -> None:
    """The double says 40 ms for each, however late they come."""
    with watching(CSI) as watch:
        frames = [frame for frame in watch.frames(8) if frame.index]
    steps = {
        round((later.media_time - earlier.media_time) / (later.index - earlier.index), 6)
        for earlier, later in pairwise(frames)
    }
    assert steps == {0.04}


def test_what_libraries_print_is_not_taken_for_pictures(play: Callable[..., None]) -> None:
    play(noise=True)
    with watching(CSI) as watch:
        assert watch.frames(2)[0].picture.y.shape == (240, 320)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ({"cameras": 0}, "IndexError: list index out of range"),
        ({"raise": ["RuntimeError", "Device or resource busy"], "noise": True}, "Device or resource busy"),
        ({"raise": ["ModuleNotFoundError", "No module named 'libcamera'"]}, "No module named 'libcamera'"),
        ({"hang": "import"}, "no picture for 2 s"),
        ({"hang": "open"}, "no picture for 2 s"),
        ({"after": 0, "then": "hang"}, "no picture for 2 s"),
        ({"after": 0, "then": "short"}, "a picture of 115199 bytes where 115200 are due"),
        ({"after": 0, "then": "kill"}, "picamera2 ended"),
        ({"align": 1 << 18}, "unsupported frame size 320x240 (row stride 262144 bytes)"),
    ],
)
def test_one_that_fails_says_why_and_is_tried_again(
    play: Callable[..., None], script: dict[str, Any], words: str
) -> None:
    play(**script)
    began = time.monotonic()
    with watching(CameraConfig("cam", "csi:0", "csi", timeout=2.0)) as watch:
        status = watch.until("offline")
        took = time.monotonic() - began
        assert words in status.error
        watch.wait(lambda: watch.camera.reconnects >= 1)
    assert took < 8


def test_one_that_has_crashed_or_hangs_is_replaced(play: Callable[..., None]) -> None:
    with watching(CSI) as watch:
        watch.frames(5)
        os.kill(child(watch), signal.SIGSEGV)
        watch.until("offline")
        watch.until("online")
        watch.frames(5)
        os.kill(child(watch), signal.SIGSTOP)
        watch.until("stalled")
        watch.until("online")
        assert len(watch.frames(5)) == 5


def test_a_child_gets_no_secret(play: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEDETTE_SECRET_GATE_PASSWORD", "corr3ct-h0rse")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials/vedette")
    with watching(CSI) as watch:
        watch.frames(1)
        environment = Path(f"/proc/{child(watch)}/environ").read_bytes()
    assert b"PICAMERA2_DOUBLE" in environment
    assert b"corr3ct-h0rse" not in environment
    assert b"CREDENTIALS_DIRECTORY" not in environment


def test_who_is_asked_and_who_is_taken(interpreter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that has the module; one that is not there, hangs or has none is passed over."""
    hangs = tmp_path / "hangs"
    hangs.write_text("#!/bin/sh\nexec sleep 60\n")
    hangs.chmod(0o755)
    monkeypatch.setattr(picamera, "_ANSWER_S", 0.3)
    monkeypatch.setattr(picamera, "PYTHONS", ["/no/such/python", str(hangs), sys.executable])
    assert picamera.interpreter() is None
    monkeypatch.setattr(picamera, "_ANSWER_S", 20.0)
    monkeypatch.setattr(picamera, "PYTHONS", [sys.executable, interpreter])
    assert picamera.interpreter() == interpreter


@pytest.mark.parametrize("number", [0, 1])
def test_without_picamera2_both_ways_are_named(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picamera, "PYTHONS", [])
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SourceError) as told:
        csi.open_csi(CameraConfig("cam", f"csi:{number}", "csi", timeout=2.0), lambda: False)
    assert "picamera2 is not installed" in told.value.reason
    assert "apt install python3-picamera2" in told.value.hint
    assert ("gstreamer1.0-libcamera" in told.value.hint) == (number == 0), "libcamerasrc knows only the first one"


IMX219 = [
    (640, 480, 1280, 960, 58),
    (1640, 1232, 3280, 2464, 41),
    (1920, 1080, 1920, 1080, 47),
    (3280, 2464, 3280, 2464, 21),
]
IMX477 = [
    (1332, 990, 2664, 1980, 120),
    (2028, 1080, 4056, 2160, 50),
    (2028, 1520, 4056, 3040, 40),
    (4056, 3040, 4056, 3040, 10),
]
IMX708 = [(1536, 864, 3072, 1728, 120), (2304, 1296, 4608, 2592, 56), (4608, 2592, 4608, 2592, 14)]


@pytest.mark.parametrize(
    ("sensor", "mode", "size"),
    [
        (IMX219, (1640, 1232), (1280, 962)),
        (IMX477, (2028, 1520), (1280, 958)),
        (IMX708, (2304, 1296), (1280, 720)),
        ([(640, 400, 1280, 800, 60)], (640, 400), (640, 400)),
    ],
)
def test_the_mode_with_the_whole_view_and_the_least_pixels(
    sensor: list[tuple[int, ...]], mode: tuple[int, int], size: tuple[int, int]
) -> None:
    """Sizes, views and rates as the sensors' data sheets have them."""
    modes: list[dict[str, Any]] = [
        {"size": (width, height), "crop_limits": (0, 0, wide, high), "fps": float(fps), "bit_depth": depth}
        for width, height, wide, high, fps in sensor
        for depth in (8, 10)
    ]
    found = widest([{"format": "MJPEG"}, *modes])
    assert found is not None
    assert (found["size"], found["bit_depth"]) == (mode, 10)
    assert scaled(*found["size"]) == size
    assert widest([{"format": "MJPEG"}]) is None
