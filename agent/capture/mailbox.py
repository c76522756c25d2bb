"""The one slot between a camera and the dispatcher: the newest frame wins, and what it overtakes is counted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.capture.frame import Frame


class Mailbox:
    """Holds at most one frame of one camera.

    wait=False (live): a new frame takes the place of one nobody took. wait=True (files at full speed): `put` waits
    until the slot is free, so that no frame is lost.
    wake: called after each frame put, on the camera's thread and outside the lock. It must not block.
    dropped: frames overtaken in the slot, by cause: "overtaken" (the engine was busy) or "rate" (before `not_before`).
    not_before: set by the dispatcher: time.monotonic() until which the camera's rate cap wants no frame.
    """

    def __init__(self, wake: Callable[[], None], *, wait: bool) -> None:
        self.dropped = {"overtaken": 0, "rate": 0}
        self.not_before = 0.0
        self._wake = wake
        self._wait = wait
        self._frame: Frame | None = None
        self._since = 0.0
        self._closed = False
        self._freed = threading.Condition(threading.Lock())

    def put(self, frame: Frame, timeout: float) -> bool:
        """Whether the frame lies in the slot now. False: closed, or (wait=True) not free within `timeout` seconds."""
        with self._freed:
            if self._wait and not self._freed.wait_for(self._free_or_closed, timeout):
                return False
            if self._closed:
                return False
            if self._frame is None:
                self._since = frame.monotonic
            else:
                self.dropped["rate" if self._frame.monotonic < self.not_before else "overtaken"] += 1
            self._frame = frame
        self._wake()
        return True

    def _free_or_closed(self) -> bool:
        return self._closed or self._frame is None

    def waiting_since(self) -> float | None:
        """Since when the slot has held a frame (time.monotonic()), None when it is empty.

        Overtaking does not reset it: else a busy camera whose frames are overtaken would lose its turn every time.
        """
        return None if self._frame is None else self._since

    def peek(self) -> Frame | None:
        """The waiting frame, which stays."""
        return self._frame

    def take(self) -> Frame | None:
        with self._freed:
            frame, self._frame = self._frame, None
            self._freed.notify()
        return frame

    def close(self) -> None:
        """Lets a waiting `put` go and refuses further frames; one that lies in the slot can still be taken."""
        with self._freed:
            self._closed = True
            self._freed.notify_all()
