"""A child process that writes raw pictures into a pipe, so that neither its crash nor its hang is ours.

The pictures come as YUV4MPEG2 (https://wiki.multimedia.cx/index.php/YUV4MPEG2): size and rate stand in the first line,
each picture behind a line `FRAME`. The format knows no padding, yet y4menc keeps that of GStreamer's I420: rows of a
multiple of four bytes, an even number of them. Another padding, and the time a picture was taken at, come as what the
format calls application specific: `XSTRIDE=<bytes of a row of luma>` (chroma has half of it) in the first line,
`XTIME=<nanoseconds>` behind FRAME.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from agent.capture.frame import Picture
from agent.capture.source import Decoded, SourceError, SourceInfo
from agent.config.redact import redact
from agent.config.secrets import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agent.capture.source import Stop

LOOK_S = 0.2
LONGEST_LINE, LONGEST_WORDS = 256, 4096
LARGEST = 1 << 26
RANGE_S = 0.5
"""How long the range is waited for before the first picture; told later, it holds from then on."""
PIPE_BYTES = 1 << 20
_WIDTH, _HEIGHT, _RATE = (re.compile(rb" %b" % word) for word in (rb"W(\d{1,5})\b", rb"H(\d{1,5})\b", rb"F(\d+):(\d+)"))
_STRIDE, _TIME = re.compile(rb" XSTRIDE=(\d{1,6})\b"), re.compile(rb" XTIME=(\d{1,19})\b")
_COMPLAINTS = (r"^(?:ERROR|WARNING): ", r"ERROR|WARNING|erroneous")
"""The child's own words come before those of the libraries in it."""
_NOT_FOR_CHILDREN = ("CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")


class PipeSource:
    """One life of the child. Raises SourceError where it does not deliver within `timeout`.

    command: its words, given the descriptor to write to. name: what it is called in errors. decoder: as SourceInfo has
    it. missing, hint: what to do where it cannot be started, and where it fails. range_told: what its standard output
    says once it is known whether the pictures are of full range, with that in the group `full`; None: they are not.
    """

    name: ClassVar[str]
    decoder: ClassVar[str]
    missing: ClassVar[str]
    hint: ClassVar[str]
    range_told: ClassVar[re.Pattern[bytes] | None] = None

    def __init__(self, command: Callable[[int], Sequence[str]], timeout: float, stop: Stop) -> None:
        self.corrupt = 0
        self._timeout = timeout
        self._stop = stop
        self._words = self._talk = b""
        self._full_range: bool | None = None
        self._pipe, end = os.pipe()
        try:
            self._child = self._started(command(end), end)
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(end)
        assert self._child.stderr is not None
        self._errors = self._child.stderr
        self._talks = self._child.stdout
        self._ears = [self._pipe, self._errors.fileno(), *([self._talks.fileno()] if self._talks else [])]
        for fd in self._ears:
            os.set_blocking(fd, False)
        with contextlib.suppress(OSError):  # else a picture comes in many small pieces
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _started(self, words: Sequence[str], end: int) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if self.range_told is None else subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(end,),
                start_new_session=True,
                env=_environment(),
            )
        except OSError as e:
            raise SourceError(f"{words[0]} cannot be started: {e.strerror}", self.missing) from None
        except ValueError as e:  # a zero byte in one of the words
            raise SourceError(f"{words[0]} cannot be started: {e}", self.hint) from None

    def _open(self) -> None:
        head = self._line()
        width, height, rate, stride = (word.search(head) for word in (_WIDTH, _HEIGHT, _RATE, _STRIDE))
        if not head.startswith(b"YUV4MPEG2 ") or width is None or height is None:
            raise SourceError(f"{self.name} gives no pictures but {head[:40]!r}", self.hint)
        self._width, self._height = int(width[1]), int(height[1])
        fps = int(rate[1]) / max(1, int(rate[2])) if rate is not None else 0.0
        if stride is not None:
            self._rows = int(stride[1]), int(stride[1]) // 2
        else:
            self._rows = _aligned(self._width), _aligned((self._width + 1) // 2)
        self._bytes = 2 * ((self._height + 1) // 2) * (self._rows[0] + self._rows[1])
        if not 0 < self._bytes <= LARGEST or self._rows[0] < self._width or self._rows[1] < (self._width + 1) // 2:
            raise SourceError(f"unsupported frame size {self._width}x{self._height} (row stride {self._rows[0]} bytes)")
        self.info = SourceInfo(self._width, self._height, fps, self.decoder)
        self._await_range()

    def frames(self) -> Iterator[Decoded]:
        while not self._stop():
            line = self._line()
            if self._stop():
                return
            if not line.startswith(b"FRAME"):
                raise SourceError(f"{self.name} has changed what it gives", "fix width, height and format by caps")
            taken = _TIME.search(line)
            data = bytearray(self._bytes)
            self._fill(memoryview(data))
            if self._stop():
                return
            yield Decoded(self._picture(data), int(taken[1]) / 1e9 if taken else None, time.monotonic())

    def _await_range(self) -> None:
        """It is told in a moment, by another thread of the child's; where it is not, it is not waited for."""
        until = time.monotonic() + RANGE_S
        while self._talks and self._full_range is None and not self._stop() and time.monotonic() < until:
            if select.select([self._talks], [], [], LOOK_S)[0] and not self._overhear():
                return

    def _picture(self, data: bytearray) -> Picture:
        lines, half = (self._height + 1) // 2, (self._width + 1) // 2
        luma, chroma = self._rows
        bytes_ = np.frombuffer(data, np.uint8)
        y = bytes_[: 2 * lines * luma].reshape(2 * lines, luma)
        u, v = bytes_[2 * lines * luma :].reshape(2, lines, chroma)
        return Picture(y[: self._height, : self._width], u[:, :half], v[:, :half], None, bool(self._full_range), data)

    def _line(self) -> bytes:
        """The next line, without its end; b"" once it is told to stop."""
        line = bytearray()
        byte = bytearray(1)
        while not line.endswith(b"\n"):
            if not self._fill(memoryview(byte)):
                return b""
            line += byte
            if len(line) > LONGEST_LINE:
                raise SourceError(f"{self.name} gives no pictures that can be read", self.hint)
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
            readable, _, _ = select.select(self._ears, [], [], min(LOOK_S, until - now))
            if self._errors.fileno() in readable:
                self._listen()
            if self._talks is not None and self._talks.fileno() in readable:
                self._overhear()
            if self._pipe not in readable:
                continue
            count = os.readv(self._pipe, [room])
            if not count:
                raise SourceError(f"{self.name} ended{self._said(at_last=True)}", self.hint)
            room = room[count:]
        return True

    def _listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            said = os.read(self._errors.fileno(), 65536)
            self._words = (self._words + said)[-LONGEST_WORDS:]
            if not said:  # it has closed that end alone, which could be read from now on without a wait
                self._ears = [fd for fd in self._ears if fd != self._errors.fileno()]

    def _overhear(self) -> bool:
        """Reads on, so that the child never waits for us, and keeps nothing but the range. False where it has ended."""
        assert self._talks is not None
        assert self.range_told is not None
        with contextlib.suppress(BlockingIOError):
            said = os.read(self._talks.fileno(), 65536)
            self._talk += said
            for told in self.range_told.finditer(self._talk):
                self._full_range = bool(told["full"])
            self._talk = self._talk[-LONGEST_WORDS:]
            if not said:
                self._ears = [fd for fd in self._ears if fd != self._talks.fileno()]
                return False
        return True

    def _said(self, *, at_last: bool = False) -> str:
        """What it complains of, the first line of it. at_last: else whatever it said last."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(LOOK_S)
        self._listen()
        lines = self._words.decode(errors="replace").splitlines()
        told = next((line for words in _COMPLAINTS for line in lines if re.search(words, line)), "")
        if not told and at_last and lines:
            told = lines[-1]
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
        if self._talks is not None:
            self._talks.close()
        os.close(self._pipe)


def _environment() -> dict[str, str]:
    """Ours, without secrets and without what is between systemd and us."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and name not in _NOT_FOR_CHILDREN and redact(value) == value
    }


def _aligned(width: int) -> int:
    return (width + 3) & ~3
