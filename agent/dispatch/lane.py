"""One camera's way through a dispatcher: its mailbox, its scene, what is in flight, and what it is owed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.capture.frame import Frame
    from agent.capture.mailbox import Mailbox
    from agent.dispatch.letterbox import Placement
    from agent.perception.scene import Scene
    from backends.detections import Detections, Unknown


@dataclass(slots=True)
class Job:
    """A frame in a slot; `seen` is set when its answer came. backend, rev: who was asked."""

    n: int
    frame: Frame
    placement: Placement
    backend: str = ""
    rev: str = ""
    seen: Detections | Unknown | None = None
    queue_ms: float = 0.0
    inference_ms: float = 0.0


@dataclass(slots=True)
class Lane:
    """fps: inferences a second at most, 0 for every frame.

    live: the newest frame wins, and is taken only when a stream is free.
    """

    camera: str
    mailbox: Mailbox
    scene: Scene
    fps: float
    live: bool
    floor: float
    jobs: deque[Job] = field(default_factory=deque)
    not_before: float = 0.0
    answered_at: float = 0.0
    inferred: int = 0
    unknown: int = 0
    last_inference: float = 0.0

    def take(self, now: float) -> Frame | None:
        """The waiting frame; the rate cap counts from here."""
        frame = self.mailbox.take()
        if frame is not None and self.fps > 0:
            interval = 1 / self.fps
            # From when it was due, not from now: else every late pick-up would lower the rate.
            due = self.not_before if now - self.not_before < interval else now
            self.not_before = self.mailbox.not_before = due + interval
        return frame

    def ready_at(self) -> float:
        """time.monotonic() at which the waiting frame may be inferred; infinity when none waits.

        Under a rate cap that is the first frame captured when one is due, not an older one that happens to wait. One
        that nothing follows is taken an interval later.
        """
        frame = self.mailbox.peek()
        if frame is None:
            return float("inf")
        return frame.monotonic if frame.monotonic >= self.not_before else self.not_before + 1 / self.fps

    def settled(self) -> list[Job]:
        """The jobs whose answers are here, in capture order; one that is still out holds back those behind it."""
        jobs = []
        while self.jobs and self.jobs[0].seen is not None:
            jobs.append(self.jobs.popleft())
        return jobs


def longest_waiting(lanes: Sequence[Lane], now: float) -> Lane | None:
    """The lane whose mailbox has held a frame for longest, of those that may have one inferred now.

    A mailbox counts from when it was last empty, so a camera whose frames are overtaken does not lose its turn, and
    cameras that always have a frame take turns.
    """
    chosen, since = None, float("inf")
    for lane in lanes:
        waiting = lane.mailbox.waiting_since()
        if waiting is not None and waiting < since and now >= lane.ready_at():
            chosen, since = lane, waiting
    return chosen
