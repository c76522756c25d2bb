"""The daemon's side of a worker for tests: one thread, every wait with a deadline, failures as AssertionError."""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.protocol import LineReader, Message, ProtocolError, SlotLayout, encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.registry.registered import Registered

HELLO_SECONDS = 20.0
_LEAVE_SECONDS = 10.0
_FLOOR = 0.01


class Driven:
    """One worker process.

    What it printed is in `printed`, the tail of it in the message of every failure.
    """

    def __init__(self, program: Registered, environment: Mapping[str, str]) -> None:
        requests, self._requests = os.pipe()
        self._replies, replies = os.pipe()
        self._file = os.memfd_create("vedette-test")
        self.images: list[NDArray[np.uint8]] = []
        self._results: list[NDArray[np.float32]] = []
        self.telemetry: dict[str, float] = {}
        self.printed = b""
        self._process = subprocess.Popen(
            program.command(requests, replies),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(requests, replies, self._file),
            env={**program.environment(), **environment},
        )
        os.close(requests)
        os.close(replies)
        assert self._process.stdout is not None
        self._output = self._process.stdout
        self._reader = LineReader(self._replies)
        self._waiting: list[Message] = []
        os.set_blocking(self._replies, False)
        os.set_blocking(self._output.fileno(), False)
        try:
            self.wait("hello", within=HELLO_SECONDS)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Driven:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(_LEAVE_SECONDS)
        self._output.close()
        for descriptor in (self._requests, self._replies, self._file):
            os.close(descriptor)

    def ask(self, op: str, *answers: str, within: float, **content: Any) -> Message:
        """Sends a message and waits for one of the answers."""
        self._send(op, **content)
        return self.wait(*answers, within=within)

    def wait(self, *answers: str, within: float) -> Message:
        """The next of these messages. `progress` renews the deadline by what it promises."""
        deadline = time.monotonic() + within
        while True:
            message = self._next(deadline, answers)
            if message["op"] in answers:
                return message
            if message["op"] == "progress":
                deadline = time.monotonic() + float(message["within"])
            elif message["op"] == "telemetry":
                self.telemetry = message["values"]
            else:
                self._fail(f"it said {message}, expected {' or '.join(answers)}")

    def load(self, artifact: Artifact, options: Mapping[str, Any], device: str | None, *answers: str) -> Message:
        """Loads, and maps the slots when it is ready."""
        asked = {"artifact": artifact.to_json(), "options": dict(options), "device": device}
        message = self.ask("load", *(answers or ("ready",)), within=HELLO_SECONDS, **asked)
        if message["op"] == "ready":
            layout = SlotLayout(artifact.input.height, artifact.input.width, message["slots"])
            os.ftruncate(self._file, layout.size)
            memory = memoryview(mmap.mmap(self._file, layout.size))
            self.images = [layout.image(memory, i) for i in range(layout.slots)]
            self._results = [layout.results(memory, i) for i in range(layout.slots)]
            self.ask("map", "mapped", within=5.0, path=f"/proc/{os.getpid()}/fd/{self._file}")
        return message

    def run(self, images: Sequence[NDArray[np.uint8]], within: float) -> list[NDArray[np.float32]]:
        """The rows (x1, y1, x2, y2, confidence, class_id) of each image, all of them in the worker at once."""
        for slot, image in enumerate(images):
            self.images[slot][:] = image
            self._send("run", slot=slot, n=slot, floor=_FLOOR)
        rows: list[NDArray[np.float32]] = [np.empty((0, 6), np.float32)] * len(images)
        for _ in images:
            message = self.wait("done", "error", within=within)
            if message["op"] == "error":
                raise AssertionError(message["text"])
            rows[message["n"]] = self._results[message["slot"]][: message["count"]].copy()
        return rows

    def leave(self) -> int:
        """Asks it to go; its exit code."""
        self._send("close")
        try:
            return self._process.wait(_LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._fail(f"it does not end within {_LEAVE_SECONDS:g} s of `close`")
            raise

    def rss(self) -> int:
        """Resident bytes (proc_pid_statm(5))."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self._process.pid}/fd").iterdir()))

    def _send(self, op: str, **content: Any) -> None:
        with contextlib.suppress(BrokenPipeError):  # it is gone: `wait` says how
            os.write(self._requests, encode(op, **content))

    def _next(self, deadline: float, answers: Sequence[str]) -> Message:
        while not self._waiting:
            self._listen()
            try:
                self._waiting += self._reader.drain()
            except ProtocolError as e:
                self._fail(f"it wrote {e} where answers belong")
            if self._waiting:
                break
            if self._reader.ended:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(1.0)
                self._fail(f"it ended with code {self._process.returncode}, expected {' or '.join(answers)}")
            left = deadline - time.monotonic()
            if left <= 0:
                self._fail(f"no {' or '.join(answers)} in time")
            select.select([self._replies, self._output.fileno()], [], [], min(left, 0.5))
        return self._waiting.pop(0)

    def _listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.printed = (self.printed + os.read(self._output.fileno(), 65536))[-65536:]

    def _fail(self, what: str) -> None:
        self._listen()
        tail = self.printed[-2000:].decode(errors="replace")
        raise AssertionError(f"{what}; it printed:\n{tail}" if tail else what)
