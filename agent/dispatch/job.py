"""One frame on its way through an engine: an inference per crop, and one answer."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from agent.capture.frame import Frame, Picture
from agent.perception.crop_merge import merge
from agent.perception.facts import WHOLE
from backends.detections import Detections, Unknown

if TYPE_CHECKING:
    from agent.dispatch.letterbox import Placement
    from agent.dispatch.result import Done
    from agent.perception.facts import Box

_GONE = Picture(np.empty((0, 0), np.uint8), None, None, None, False, None)


@dataclass(slots=True)
class Job:
    """crops: in the order in which they are sent. sent: how many of them are.

    seen: set once all have been answered, or one with Unknown: then the frame is Unknown. backend, rev: who was asked.
    queue_ms: capture to start of the first inference; inference_ms: of all together.
    """

    frame: Frame
    crops: tuple[Box, ...] = (WHOLE,)
    backend: str = ""
    rev: str = ""
    sent: int = 0
    seen: Detections | Unknown | None = None
    queue_ms: float = float("inf")
    inference_ms: float = 0.0
    _parts: list[tuple[Box, Detections]] = field(default_factory=list)

    @property
    def all_sent(self) -> bool:
        return self.sent == len(self.crops)

    def add(self, placement: Placement, seen: Detections, done: Done) -> None:
        """The answer for one crop. seen: as the engine said it, in pixels of its input."""
        found = Detections(placement.to_picture(seen.xyxy), seen.confidence, seen.class_id)
        self._parts.append((placement.crop, found))
        self.queue_ms = min(self.queue_ms, max(0.0, done.started - self.frame.monotonic) * 1e3)
        self.inference_ms += done.inference_ms
        if len(self._parts) == len(self.crops):
            self.seen = merge(self._parts)

    def fail(self, cause: Unknown) -> None:
        """Nobody knows what is in the frame, whatever other crops have shown."""
        self.seen = cause
        self.backend = self.rev = ""
        self.queue_ms = self.inference_ms = 0.0

    def release(self) -> None:
        """The decoder may have its memory back."""
        self.frame = without_picture(self.frame)


def without_picture(frame: Frame) -> Frame:
    """What is to be said of a frame, without the memory of its decoder."""
    return replace(frame, picture=_GONE)
