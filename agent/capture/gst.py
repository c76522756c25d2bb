"""A GStreamer pipeline as a source: in a child, so that neither its crash nor its hang is ours.

The pipeline ends in raw pictures, which come through a pipe as YUV4MPEG2 (`y4menc`): size and rate stand in its first
line, each picture behind a line `FRAME`. The format (https://wiki.multimedia.cx/index.php/YUV4MPEG2) knows no padding,
yet y4menc keeps that of GStreamer's I420: rows of a multiple of four bytes, an even number of them. In front of it only
the newest picture waits.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import shlex
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import numpy as np

from agent.capture.frame import Picture
from agent.capture.source import Decoded, SourceError, SourceInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.capture.source import Stop
    from agent.config.model import CameraConfig

LAUNCH = "gst-launch-1.0"
TAIL = (
    "! queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0 "
    "! videoconvert ! video/x-raw,format=I420 ! y4menc ! fdsink fd={fd}"
)
CSI = {
    "jetson": "nvarguscamerasrc sensor-id={n} ! video/x-raw(memory:NVMM),width=1280,height=720,framerate=30/1 "
    "! nvvidconv ! video/x-raw,format=I420",
    "other": "libcamerasrc camera-name={n} ! video/x-raw,width=1280,height=720,framerate=30/1",
}
LOOK_S = 0.2
LONGEST_LINE, LONGEST_WORDS = 256, 4096
LARGEST = 1 << 26
PIPE_BYTES = 1 << 20
_WIDTH, _HEIGHT, _RATE = (re.compile(rb" %b" % word) for word in (rb"W(\d{1,5})\b", rb"H(\d{1,5})\b", rb"F(\d+):(\d+)"))
_HINT = f"try it by hand: {LAUNCH} ... ! fakesink"


class GstSource:
    """One run of the pipeline. Raises SourceError where it does not deliver within `config.timeout`."""

    def __init__(self, config: CameraConfig, stop: Stop) -> None:
        self.corrupt = 0
        self._timeout = config.timeout
        self._stop = stop
        self._words = b""
        self._pipe, end = os.pipe()
        command = [LAUNCH, "-q", *shlex.split(pipeline_of(config)), *shlex.split(TAIL.format(fd=end))]
        try:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(end,),
                start_new_session=True,
            )
        except OSError as e:
            os.close(self._pipe)
            hint = "apt install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
            raise SourceError(f"{LAUNCH} cannot be started: {e.strerror}", hint) from None
        finally:
            os.close(end)
        assert self._child.stderr is not None
        self._errors = self._child.stderr
        for fd in (self._pipe, self._errors.fileno()):
            os.set_blocking(fd, False)
        with contextlib.suppress(OSError):  # else a picture comes in many small pieces
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        try:
            self._open()
        except SourceError:
            self.close()
            raise

    def _open(self) -> None:
        head = self._line()
        width, height, rate = (word.search(head) for word in (_WIDTH, _HEIGHT, _RATE))
        if not head.startswith(b"YUV4MPEG2 ") or width is None or height is None:
            raise SourceError(f"the pipeline gives no pictures but {head[:40]!r}", _HINT)
        self._width, self._height = int(width[1]), int(height[1])
        fps = int(rate[1]) / max(1, int(rate[2])) if rate is not None else 0.0
        self._rows = _stride(self._width), _stride((self._width + 1) // 2)
        self._bytes = 2 * ((self._height + 1) // 2) * (self._rows[0] + self._rows[1])
        if not 0 < self._bytes <= LARGEST:
            raise SourceError(f"pictures of {self._width}x{self._height} are larger than can be used")
        self.info = SourceInfo(self._width, self._height, fps, "gstreamer")

    def frames(self) -> Iterator[Decoded]:
        while not self._stop():
            line = self._line()
            if self._stop():
                return
            if not line.startswith(b"FRAME"):
                raise SourceError("the pipeline has changed what it gives", "fix width, height and format by caps")
            data = bytearray(self._bytes)
            self._fill(memoryview(data))
            if self._stop():
                return
            yield Decoded(self._picture(data), None, time.monotonic())

    def _picture(self, data: bytearray) -> Picture:
        lines, half = (self._height + 1) // 2, (self._width + 1) // 2
        luma, chroma = self._rows
        bytes_ = np.frombuffer(data, np.uint8)
        y = bytes_[: 2 * lines * luma].reshape(2 * lines, luma)
        u, v = bytes_[2 * lines * luma :].reshape(2, lines, chroma)
        return Picture(y[: self._height, : self._width], u[:, :half], v[:, :half], None, False, data)

    def _line(self) -> bytes:
        """The next line, without its end; b"" once it is told to stop."""
        line = bytearray()
        byte = bytearray(1)
        while not line.endswith(b"\n"):
            if not self._fill(memoryview(byte)):
                return b""
            line += byte
            if len(line) > LONGEST_LINE:
                raise SourceError("the pipeline gives no pictures that can be read", _HINT)
        return bytes(line[:-1])

    def _fill(self, room: memoryview) -> bool:
        """False when it is told to stop. Raises SourceError when nothing comes any more."""
        until = time.monotonic() + self._timeout
        while room:
            if self._stop():
                return False
            now = time.monotonic()
            if now >= until:
                raise SourceError(f"no picture for {self._timeout:g} s{self._said()}")
            readable, _, _ = select.select([self._pipe, self._errors.fileno()], [], [], min(LOOK_S, until - now))
            if self._errors.fileno() in readable:
                self._listen()
            if self._pipe not in readable:
                continue
            count = os.readv(self._pipe, [room])
            if not count:
                raise SourceError(f"the pipeline ended{self._said()}", _HINT)
            room = room[count:]
        return True

    def _listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._words = (self._words + os.read(self._errors.fileno(), 65536))[-LONGEST_WORDS:]

    def _said(self) -> str:
        """What it complains of, the first line of it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(LOOK_S)
        self._listen()
        lines = self._words.decode(errors="replace").splitlines()
        told = next((line for line in lines if re.search(r"ERROR|WARNING|erroneous", line)), "")
        return f": {told.strip()[:200]}" if told else ""

    def interrupt(self) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self._child.pid, signal.SIGKILL)

    def close(self) -> None:
        if self._errors.closed:
            return
        if self._child.poll() is None:
            self.interrupt()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1.0)
        self._errors.close()
        os.close(self._pipe)


def pipeline_of(config: CameraConfig) -> str:
    """Without its end. Raises SourceError."""
    kind, _, rest = config.source.partition(":")
    if kind == "gst":
        return rest.strip().rstrip("!").strip()
    try:
        with open("/proc/device-tree/compatible", "rb") as file:  # noqa: PTH123 - so that no room but this reads it
            board = "jetson" if b"nvidia,tegra" in file.read() else "other"
    except OSError:
        board = "other"
    return CSI[board].format(n=rest)


def _stride(width: int) -> int:
    return (width + 3) & ~3
