"""The one slot between a camera and the dispatcher: the newest frame wins, and what it overtakes is counted."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.capture.boxes import joined
from agent.capture.frame import Motion

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.capture.frame import Frame


class Mailbox:
    """Holds at most one frame of one camera.

    wait=False (live): a new frame takes the place of one nobody took. wait=True (files at full speed): `put` waits
    until the slot is free, so that no frame is lost: `lossless`.
    wake: called after each frame put, on the camera's thread and outside the lock. It must not block. It may be
    replaced at any time: by whoever takes the frames from now on.
    dropped: frames nobody inferred, by cause. Overtaken in the slot: "rate" (it came before `not_before`), "busy"
    (while no stream of the engine was free) or "overtaken" (although one was, or while there was no engine, or before
    it was decoded: `skip`).
    "gated": it shows nothing new; told by the one who takes (`gate`), or counted here while it dozes.
    ended: set by the camera: its source was finite and has ended.
    not_before: set by the dispatcher: time.monotonic() until which the camera's rate cap wants no frame.
    busy: set by the dispatcher: no stream of the engine is free.
    doze: set by the dispatcher: the scene waits for something to move, so that a frame in which nothing does wakes
    nobody; it is found when somebody looks into the slot next. Not with `wait`.
    """

    def __init__(self, wake: Callable[[], None], *, wait: bool) -> None:
        self.dropped = {"overtaken": 0, "busy": 0, "rate": 0, "gated": 0}
        self.busy = False
        self.doze = False
        self.not_before = 0.0
        self.wake = wake
        self.ended = False
        self.lossless = wait
        self._frame: Frame | None = None
        self._since = 0.0
        self._closed = False
        self._freed = threading.Condition(threading.Lock())

    def put(self, frame: Frame, timeout: float) -> bool:
        """Whether the frame lies in the slot now. False: closed, or (wait=True) not free within `timeout` seconds."""
        with self._freed:
            if self.lossless and not self._freed.wait_for(self._free_or_closed, timeout):
                return False
            if self._closed:
                return False
            if self._frame is None:
                self._since = frame.monotonic
            else:
                self.dropped[self._cause(self._frame)] += 1
                frame = with_motion_of(self._frame, frame)
            self._frame = frame
        if not self._sleeps_through(frame):
            self.wake()
        return True

    def _sleeps_through(self, frame: Frame) -> bool:
        motion = frame.motion
        return self.doze and not self.lossless and motion is not None and not motion.boxes and not motion.unsettled

    def _cause(self, overtaken: Frame) -> str:
        if self._sleeps_through(overtaken):
            return "gated"
        if overtaken.monotonic < self.not_before:
            return "rate"
        return "busy" if self.busy else "overtaken"

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

    def skip(self, pictures: int) -> None:
        """Counts those that would have been overtaken, and were not even decoded."""
        with self._freed:
            self.dropped["overtaken"] += pictures

    def gate(self) -> None:
        """Counts a frame that was taken and showed nothing new."""
        with self._freed:  # `put` counts the same on another thread
            self.dropped["gated"] += 1

    def close(self) -> None:
        """Lets a waiting `put` go and refuses further frames; one that lies in the slot can still be taken."""
        with self._freed:
            self._closed = True
            self._freed.notify_all()


def with_motion_of(overtaken: Frame, frame: Frame) -> Frame:
    """`frame` with what has moved since the last one that was taken; None where nobody watches for it."""
    before, now = overtaken.motion, frame.motion
    if before is None or now is None or (not before.boxes and before.unsettled <= now.unsettled):
        return frame
    both = Motion(joined((*before.boxes, *now.boxes)), before.unsettled or now.unsettled)
    return replace(frame, motion=both)
