"""A double of the module `picamera2`: a camera that plays a clip, or fails as told. It proves nothing of a Pi.

tests/slow/picamera2 holds its signatures against the real package. It refuses what the real one refuses of a
configuration, pads rows as the ISP does, and gives each picture in turn, none left out.

The script is what $PICAMERA2_DOUBLE holds: {"clip": a file of I420 pictures, "size": of each, "align": of its rows,
"raise": ["ErrorType", "text"] at the opening, "after": pictures until "then": "kill", "hang" or "short"}; "import" and
"open" hang there, "noise" goes to stdout and stderr.
"""

from __future__ import annotations

import builtins
import json
import os
import signal
import sys
import time

import numpy as np

script = {"size": [320, 240], "align": 64, "cameras": 1, **json.loads(os.environ.get("PICAMERA2_DOUBLE", "{}"))}
FPS = 25


def _hang() -> None:
    while True:
        time.sleep(60)


if script.get("hang") == "import":
    _hang()


class CompletedRequest:
    def __init__(self, picture, taken):
        self._picture, self._taken, self._held = picture, taken, True

    def make_buffer(self, name):
        assert self._held, "the buffer has been given back"
        if name != "lores":
            raise RuntimeError(f"Stream {name!r} is not defined")
        return self._picture

    def get_metadata(self):
        assert self._held
        return {"SensorTimestamp": self._taken, "ExposureTime": 10000}

    def release(self):
        assert self._held
        self._held = False


class Picamera2:
    def __init__(self, camera_num=0, verbose_console=None, tuning=None, allocator=None):
        if script.get("hang") == "open":
            _hang()
        if script.get("noise"):
            print("YUV4MPEG2 W2 H2 F1:1\nFRAME\n" * 20, flush=True)
            print("[0:00:01] [7] ERROR RPI something that does not matter", file=sys.stderr, flush=True)
        if "raise" in script:
            kind, text = script["raise"]
            raise RuntimeError("Camera __init__ sequence did not complete.") from getattr(builtins, kind)(text)
        if camera_num >= script["cameras"]:
            raise IndexError("list index out of range")  # as releases until 2024 did; later ones raise RuntimeError
        self._config, self._started, self._count = {}, False, 0
        self._last = None

    @property
    def sensor_modes(self):
        width, height = script["size"]
        more = {"fps": 60.0, "bit_depth": 10}
        half = {"size": (width // 2, height // 2), "crop_limits": (width // 2, height // 2, width, height), **more}
        return [half, {"size": (width, height), "crop_limits": (0, 0, 2 * width, 2 * height), **more}]

    @property
    def camera_controls(self):
        return {"FrameDurationLimits": (100, 1000000, None)}

    def create_video_configuration(
        self,
        main={},  # noqa: B006 - as the real one has it
        lores=None,
        raw={},  # noqa: B006
        transform=None,
        colour_space=None,
        buffer_count=6,
        controls={},  # noqa: B006
        display="main",
        encode="main",
        queue=True,
        sensor={},  # noqa: B006
        use_case="video",
    ):
        streams = {"main": {"format": "XBGR8888", "size": (1280, 720), **main}, "lores": lores, "raw": raw}
        return {**streams, "buffer_count": buffer_count, "controls": controls, "sensor": sensor}

    def configure(self, camera_config=None):
        (width, height), (most, highest) = camera_config["lores"]["size"], camera_config["main"]["size"]
        assert not width % 2, "width and height should be even"
        assert not height % 2, "width and height should be even"
        if width > most or height > highest:
            raise RuntimeError("lores stream dimensions may not exceed main stream")
        stride = -(-width // script["align"]) * script["align"]
        self._config = {**camera_config, "lores": {**camera_config["lores"], "stride": stride}}

    def camera_configuration(self):
        return self._config

    def start(self, config=None, show_preview=False):
        assert self._config, "Camera has not been configured"
        self._started = True
        size = self._config["lores"]["size"]
        assert list(size) == list(script["size"]), f"the clip is {script['size']}, not {size}"
        self._clip = np.fromfile(script["clip"], np.uint8).reshape(-1, size[0] * size[1] * 3 // 2)

    def capture_request(self, wait=None, signal_function=None, flush=None):
        assert self._started
        if self._last is not None:
            assert not self._last._held, "only so many buffers are there"
        if self._count == script.get("after"):
            self._fail(script["then"])
        time.sleep(max(0.0, 1 / FPS - time.monotonic() % (1 / FPS)))
        picture = self._padded(self._clip[self._count % len(self._clip)])
        if self._count == script.get("after") and script["then"] == "short":
            picture = picture[:-1]
        self._count += 1
        self._last = CompletedRequest(picture, 10**12 + self._count * 10**9 // FPS)
        return self._last

    def _fail(self, how):
        if how == "kill":
            os.kill(os.getpid(), signal.SIGSEGV)
        if how == "hang":
            _hang()

    def _padded(self, picture):
        """With rows of stride bytes, and of half of it, filled up with what must never be seen."""
        (width, height), stride = self._config["lores"]["size"], self._config["lores"]["stride"]
        padded = np.full(stride * height * 3 // 2, 255, np.uint8)
        for start, at, row, rows in (
            (0, 0, width, height),
            (width * height, stride * height, width // 2, height),  # u, then v
        ):
            wide = stride * row // width
            source = picture[start : start + row * rows].reshape(rows, row)
            padded[at : at + wide * rows].reshape(rows, wide)[:, :row] = source
        return padded
