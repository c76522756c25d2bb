"""The daemon's end of a worker process: start it, talk to it, map its slots, kill it."""

from __future__ import annotations

import contextlib
import mmap
import os
import select
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from backends.child import killed_by
from backends.protocol import LineReader, Message, ProtocolError, SlotLayout, encode, encode_run

if TYPE_CHECKING:
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray

    from backends.registry.registered import Registered

_SEND_SECONDS = 1.0
_DEATH_SECONDS = 0.2
_LEAVE_SECONDS = 2.0
# Lines as they are printed; one heap, which saves 20 MB with OpenVINO.
_ENVIRONMENT = {"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "1"}


class WorkerGone(Exception):
    """The worker does not take requests any more."""


class WorkerProcess:
    """One child process that serves one engine.

    Start it on the main thread: the kernel kills it (PR_SET_PDEATHSIG) when the thread that started it ends.
    """

    def __init__(self, program: Registered) -> None:
        reap(time.monotonic())
        self.program = program.name
        self.images: list[NDArray[np.uint8]] = []
        self.results: list[NDArray[np.float32]] = []
        self._output_tail = b""
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            requests, self._requests = os.pipe()
            theirs.callback(os.close, requests)
            ours.callback(os.close, self._requests)
            self._replies, replies = os.pipe()
            theirs.callback(os.close, replies)
            ours.callback(os.close, self._replies)
            # A file without a name: nothing is left behind however either side dies.
            self._file = os.memfd_create(f"vedette-{program.name}")
            ours.callback(os.close, self._file)
            self.process = subprocess.Popen(
                program.command(requests, replies),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(requests, replies, self._file),
                env={**program.environment(), **_ENVIRONMENT},
            )
            ours.pop_all()
        assert self.process.stdout is not None
        self._output = self.process.stdout
        self._output_ended = False
        self._reader = LineReader(self._replies)
        for fd in (self._requests, self._replies, self._output.fileno()):
            os.set_blocking(fd, False)

    @property
    def pid(self) -> int:
        return self.process.pid

    def filenos(self) -> tuple[int, ...]:
        """What to select on: replies and, unless it has ended, the output of native libraries."""
        # One that sent it elsewhere has ended it, and an end stays readable.
        return (self._replies,) if self._output_ended else (self._replies, self._output.fileno())

    def send(self, op: str, **content: Any) -> None:
        """Raises WorkerGone."""
        self._write(encode(op, **content))

    def run(self, slot: int, n: int, floor: float) -> None:
        """`send` of a run. Raises WorkerGone."""
        self._write(encode_run(slot, n, floor))

    def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._requests, data) :]
            except BlockingIOError:
                # Only a `load` with many labels is larger than the pipe.
                if not select.select([], [self._requests], [], _SEND_SECONDS)[1]:
                    raise WorkerGone(f"it took no request for {_SEND_SECONDS} s") from None
            except BrokenPipeError as e:
                raise WorkerGone("it closed its end") from e

    def receive(self) -> list[Message]:
        """The messages that have come. Raises WorkerGone when there will be no more, or they make no sense."""
        try:
            messages = self._reader.drain()
        except ProtocolError as e:
            raise WorkerGone(str(e)) from e
        if not messages and self._reader.ended:
            raise WorkerGone(self._last_words())
        return messages

    def output_lines(self) -> list[str]:
        """The whole lines printed so far by the child and its native libraries."""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._output.fileno(), 65536):
                self._output_tail = (self._output_tail + chunk)[-65536:]
            self._output_ended = True
        *lines, self._output_tail = self._output_tail.split(b"\n")
        return [line.decode(errors="replace").rstrip() for line in lines if line.strip()]

    def map_slots(self, layout: SlotLayout) -> None:
        """Makes the shared slots and tells the worker where. Raises OSError where there is no room for them."""
        os.ftruncate(self._file, layout.size)
        memory = memoryview(mmap.mmap(self._file, layout.size))
        self.images = [layout.image(memory, i) for i in range(layout.slots)]
        self.results = [layout.results(memory, i) for i in range(layout.slots)]
        self.send("map", path=f"/proc/self/fd/{self._file}")

    def _last_words(self) -> str:
        try:
            code = self.process.wait(0.5)
        except subprocess.TimeoutExpired:
            return "it closed its pipe but lives"
        return killed_by(-code) if code < 0 else f"exited with code {code}"

    def ask_to_go(self) -> None:
        """It closes its engine and ends; `close` makes sure."""
        with contextlib.suppress(WorkerGone):
            self.send("close")

    def close(self, grace: float) -> None:
        """Asks it to go, kills it after `grace` seconds, frees everything. Safe twice."""
        if self._requests < 0:
            return
        if grace > 0:
            self.ask_to_go()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(grace)
        if self.process.poll() is None:
            self.process.kill()
            # One in an uninterruptible system call dies when the kernel lets it; nobody waits for that here.
            try:
                self.process.wait(_DEATH_SECONDS)
            except subprocess.TimeoutExpired:
                _LEAVING.append((self.process, self.program, 0.0))
        self._free()

    def dismiss(self, now: float) -> None:
        """Asks it to go and does not wait: `reap` sees to it that it does."""
        if self._requests < 0:
            return
        self.ask_to_go()
        _LEAVING.append((self.process, self.program, now + _LEAVE_SECONDS))
        self._free()

    def _free(self) -> None:
        self._output.close()
        for fd in (self._requests, self._replies, self._file):
            os.close(fd)
        self._requests = -1
        self.images, self.results = [], []


_LEAVING: list[tuple[subprocess.Popen[bytes], str, float]] = []
"""Each with its program's name and when it is killed."""


def reap(now: float) -> None:
    """Collects the workers that nobody waited for, and kills those that stay. Call about once a second."""
    for leaving in list(_LEAVING):
        process, _, until = leaving
        if process.poll() is not None:
            with contextlib.suppress(ValueError):  # another thread was quicker
                _LEAVING.remove(leaving)
        elif now >= until:
            process.kill()


def stuck_workers(program: str, now: float) -> list[int]:
    """The pids of that program's former workers which are still there though killed: in a driver that hangs."""
    reap(now)
    return [process.pid for process, name, until in list(_LEAVING) if name == program and now >= until]


Spawn = Callable[["Registered"], "Future[WorkerProcess]"]
"""Starts a worker on the main thread."""


def close_unwanted(future: Future[WorkerProcess]) -> None:
    """For a worker that was asked for, and started after its engine was closed."""
    if future.exception() is None:
        future.result().close(0.0)
