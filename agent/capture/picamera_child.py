"""What runs picamera2: writes the pictures of a camera into a pipe, as `pipe.py` reads them. A program of its own.

The system's Python runs it, which knows nothing of us, so it imports picamera2 and the standard library only. The ISP
scales: the stream `lores` is YUV420 of the size that is read; `main`, which nobody reads, must be as large as that. Of
the sensor's modes one is taken that sees all the sensor sees: the usual choice by size may cut half of the view away.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
WIDTH, HEIGHT, RATE = 1280, 720, 30
SLOWEST_MODE = 10.0
"""Pictures a second."""
EXPOSURE_US = (1_000_000 // RATE, 100_000)
"""How long a picture may take: in the dark light is worth more than 30 pictures a second."""
BUFFERS = 4


def widest(modes: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The mode with the whole view and the least pixels that suffice, the deepest of those; None where there is none.

    modes: as picamera2 gives them. Cameras that are none of a Pi's have modes without `crop_limits`.
    """

    def view(mode: dict[str, Any]) -> int:
        _, _, width, height = mode["crop_limits"]
        return int(width * height)

    whole = [mode for mode in modes if "crop_limits" in mode]
    usable = [mode for mode in whole if mode["fps"] >= SLOWEST_MODE] or whole
    most = max(map(view, usable), default=0)
    wide = [mode for mode in usable if view(mode) >= 0.95 * most]
    enough = [mode for mode in wide if mode["size"][0] >= WIDTH] or wide
    return min(enough, key=lambda mode: (mode["size"][0] * mode["size"][1], -mode["bit_depth"]), default=None)


def scaled(width: int, height: int) -> tuple[int, int]:
    """At most WIDTH wide, of the same shape, both even."""
    narrow = min(WIDTH, width)
    return narrow & ~1, round(height * narrow / width) & ~1


def start(camera: Any) -> None:
    mode = widest(camera.sensor_modes)
    size = scaled(*mode["size"]) if mode else (WIDTH, HEIGHT)
    asked: dict[str, Any] = {"sensor": {"output_size": mode["size"], "bit_depth": mode["bit_depth"]}} if mode else {}
    if "FrameDurationLimits" in camera.camera_controls:
        asked["controls"] = {"FrameDurationLimits": EXPOSURE_US}
    streams = {name: {"size": size, "format": "YUV420"} for name in ("main", "lores")}
    camera.configure(camera.create_video_configuration(**streams, raw=None, buffer_count=BUFFERS, **asked))
    camera.start()


def play(number: int, descriptor: int) -> NoReturn:
    write(descriptor, b"YUV4MPEG2")  # who reads sees that something comes: the import and the opening take their time
    from picamera2 import Picamera2

    write(descriptor, b" XIMPORTED")
    camera = Picamera2(number)
    start(camera)
    lores = camera.camera_configuration()["lores"]
    (width, height), stride = lores["size"], lores["stride"]
    if lores["format"] != "YUV420":
        raise RuntimeError(f"the stream lores is {lores['format']}, not YUV420")
    write(descriptor, f" W{width} H{height} F{RATE}:1 Ip C420 XSTRIDE={stride}\n".encode())
    length = stride * height * 3 // 2
    while True:
        request = camera.capture_request()
        try:
            picture = request.make_buffer("lores")  # a copy, so that the buffer goes back before anybody is waited for
            taken = request.get_metadata().get("SensorTimestamp")
        finally:
            request.release()
        if len(picture) < length:
            raise RuntimeError(f"a picture of {len(picture)} bytes where {length} are due")
        write(descriptor, f"FRAME XTIME={taken}\n".encode() if taken else b"FRAME\n")
        write(descriptor, picture[:length])


def write(descriptor: int, data: Any) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def told(error: BaseException | None) -> str:
    """The error and what it came from: picamera2 says what is wrong in the last of them."""
    chain = []
    while error is not None:
        chain.append(f"{type(error).__name__}: {error}")
        error = error.__cause__
    return ", from ".join(chain).replace("\n", " ")


def main(number: str, descriptor: str) -> int:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        play(int(number), int(descriptor))
    except BrokenPipeError:  # nobody reads any more
        return 0
    except Exception as e:  # noqa: BLE001 - whatever it is, who reads must learn of it
        sys.stderr.write(f"ERROR: {told(e)}\n")
        sys.stderr.flush()
        return 1


if __name__ == "__main__":
    os._exit(main(*sys.argv[1:]))  # no exit handlers: those of libcamera may hang
