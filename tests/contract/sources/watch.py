"""Runs a real camera thread and remembers what it says and delivers."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent.capture.camera import Camera
from agent.capture.mailbox import Mailbox
from agent.capture.status import CameraStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.capture.frame import Frame
    from agent.config.model import CameraConfig


class Watch:
    def __init__(self, config: CameraConfig) -> None:
        self.statuses: list[CameraStatus] = []
        self.taken = 0
        self._news = threading.Event()
        self.camera = Camera(config, Mailbox(self._news.set, wait=config.pace == "max"), self._note)

    def _note(self, _: Camera, status: CameraStatus) -> None:
        self.statuses.append(status)
        self._news.set()

    @property
    def states(self) -> list[str]:
        """The states in order, repetitions once."""
        states = [status.state for status in self.statuses]
        return [state for at, state in enumerate(states) if at == 0 or state != states[at - 1]]

    def frames(self, count: int, timeout: float = 15) -> list[Frame]:
        """The next `count` frames, fewer when the camera has ended."""
        found: list[Frame] = []
        deadline = time.monotonic() + timeout
        while len(found) < count:
            frame = self._take()
            if frame is not None:
                found.append(frame)
            elif self.statuses[-1].state == "ended":
                break
            else:
                assert time.monotonic() < deadline, f"{len(found)} of {count} frames; {self.statuses[-1]}"
                self._pause()
        return found

    def until(self, state: str, timeout: float = 15) -> CameraStatus:
        """Waits for a status of that state, and returns it."""
        self.wait(lambda: self.statuses[-1].state == state, timeout)
        return self.statuses[-1]

    def wait(self, condition: Callable[[], bool], timeout: float = 15) -> None:
        """Takes frames and polls, as the daemon does, until the condition holds."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"{self.states}, {self.statuses[-1]}"
            self._take()
            self.camera.poll(time.monotonic())
            self._pause()
        self._take()

    def _take(self) -> Frame | None:
        frame = self.camera.mailbox.take()
        self.taken += frame is not None
        return frame

    def _pause(self) -> None:
        self._news.wait(0.05)
        self._news.clear()


@contextmanager
def watching(config: CameraConfig, *, after: Camera | None = None, trial: bool = False) -> Iterator[Watch]:
    watch = Watch(config)
    watch.camera.start(after, trial=trial)
    try:
        yield watch
    finally:
        watch.camera.stop()
        assert watch.camera.join(config.timeout + 3), "the camera's thread is still there"
