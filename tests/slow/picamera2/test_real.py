"""Holds the double of picamera2, and what we ask for, against the real package's source (PyPI's newest).

Proves that names, parameters and the package's own checks agree with us; nothing of libcamera, which only a Pi has.
"""

from __future__ import annotations

import inspect
import subprocess
import types
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from agent.capture import picamera_child
from tests.slow.picamera2 import real
from tests.support.picamera import DOUBLE

if TYPE_CHECKING:
    from pathlib import Path

OURS = real.classes((DOUBLE / "picamera2.py").read_text())
METHODS = [
    (class_, name)
    for class_, methods in OURS.items()
    for name in methods
    if not name.startswith("_") or name == "__init__"
]
FILES = {"Picamera2": "picamera2.py", "CompletedRequest": "request.py"}
UNLIKE = {
    ("CompletedRequest", "__init__"),  # picamera2 makes them
}
LIBCAMERA = {"libcamera.Transform()", "libcamera.ColorSpace.Sycc()"}
"""Defaults that the double, without libcamera, has as None."""


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return real.fetched(tmp_path_factory.mktemp("picamera2"))
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as e:
        said = (e.stderr or "").strip().splitlines()[-1:] or [str(e)]
        pytest.skip(f"picamera2 could not be had from PyPI: {said[0]}")


@pytest.mark.parametrize(("class_", "name"), [pair for pair in METHODS if pair not in UNLIKE])
def test_the_double_has_the_real_parameters(package: Path, class_: str, name: str) -> None:
    theirs = real.classes((package / FILES[class_]).read_text())[class_]
    assert name in theirs, f"{class_}.{name} is not there any more"
    expected = [
        (parameter, "None" if default in LIBCAMERA else default) for parameter, default in real.parameters(theirs[name])
    ]
    assert real.parameters(OURS[class_][name]) == expected
    assert real.is_property(OURS[class_][name]) == real.is_property(theirs[name])


def test_what_is_used_is_in_the_double() -> None:
    """Attributes of camera and request in the child's source."""
    source = inspect.getsource(picamera_child)
    used = {
        (class_, word)
        for variable, class_ in (("camera", "Picamera2"), ("request", "CompletedRequest"))
        for word in real.attributes(source, variable)
    }
    assert used
    assert used <= set(METHODS)
    assert {pair for pair in METHODS if pair[1] != "__init__"} <= used, "the double has more than is used"


class RealPicamera2:
    """What the real methods need around them: a Pi's camera, opened."""

    sensor_format = "SRGGB10_CSI2P"
    camera = object()
    camera_controls = {"NoiseReductionMode": (), "FrameDurationLimits": ()}  # noqa: RUF012
    configured: Any = None
    started = False

    def _is_rpi_camera(self) -> bool:
        return True

    sensor_modes = [  # noqa: RUF012
        {"size": (1640, 1232), "crop_limits": (0, 0, 3280, 2464), "fps": 41.0, "bit_depth": 10, "format": "SRGGB10"},
        {
            "size": (1920, 1080),
            "crop_limits": (680, 692, 1920, 1080),
            "fps": 47.0,
            "bit_depth": 10,
            "format": "SRGGB10",
        },
    ]

    def configure(self, camera_config: Any) -> None:
        self.configured = camera_config

    def start(self) -> None:
        self.started = True


class _Anything:
    """libcamera, of which only that it can be asked matters here."""

    def __getattr__(self, name: str) -> Any:
        return _Anything()

    def __call__(self, *arguments: Any) -> Any:
        return _Anything()


def test_what_we_ask_for_passes_the_real_checks(package: Path) -> None:
    """The real code makes our configuration and checks it, but for the types of libcamera."""
    methods = (
        "create_video_configuration", "_make_initial_stream_config", "align_stream", "_add_display_and_encode",
        "check_stream_config", "check_camera_config",
    )  # fmt: skip
    libcamera = _Anything()
    names: dict[str, Any] = {
        "libcamera": types.SimpleNamespace(
            Transform=_Anything, ColorSpace=libcamera, controls=libcamera,
            _libcamera=types.SimpleNamespace(ColorSpace=_Anything, Transform=_Anything),
        ),
        "Platform": types.SimpleNamespace(Platform=types.SimpleNamespace(VC4=None)),
        "formats": types.SimpleNamespace(is_YUV=lambda text: text == "YUV420", is_RGB=lambda _: False),
        "SensorFormat": type("SensorFormat", (), {}),
    }  # fmt: skip
    made = real.only(package / "picamera2.py", "Picamera2", methods, **names)
    made.platform = None  # type: ignore[attr-defined] - the strictest, VC4
    camera = type("Camera", (RealPicamera2, made), {"_raw_stream_ignore_list": []})()
    picamera_child.start(camera)
    asked = camera.configured
    camera.check_camera_config(asked)
    assert camera.started
    assert (asked["main"]["size"], asked["lores"]["size"]) == ((1280, 962), (1280, 962)), "nothing had to be cut off"
    assert asked["lores"]["format"] == "YUV420"
    assert asked["raw"] is None
    assert asked["sensor"] == {"output_size": (1640, 1232), "bit_depth": 10}
    assert asked["controls"]["FrameDurationLimits"] == picamera_child.EXPOSURE_US
    with pytest.raises(RuntimeError, match="may not exceed main"):
        camera.check_camera_config({**asked, "lores": {**asked["lores"], "size": (1920, 1080)}})


def test_the_planes_lie_where_we_look_for_them(package: Path) -> None:
    """YUV420 is rows of `stride`, then half rows; the real request takes them from there when it saves a JPEG."""
    made = real.only(package / "request.py", "Helpers", ["_make_array_shared"], formats=_Anything(), np=np)
    stride, width, height = 128, 100, 40
    buffer = np.arange(stride * height * 3 // 2, dtype=np.uint32)
    shared = made()._make_array_shared(buffer, {"format": "YUV420", "size": (width, height), "stride": stride})
    assert shared.shape == (height * 3 // 2, stride)
    halves = shared.reshape(height * 3, stride // 2)
    luma, half = stride * height, stride // 2
    assert shared[1, 0] == stride
    assert halves[2 * height, 0] == luma
    assert halves[2 * height + height // 2, 0] == luma + half * (height // 2)
