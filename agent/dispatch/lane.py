"""One camera's way through a dispatcher: its mailbox, its scene, what is in flight, and what it is owed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.dispatch.gallery import Gallery
from agent.dispatch.job import Job, without_picture
from agent.dispatch.requests import LaneRequests
from agent.perception.facts import Moment

if TYPE_CHECKING:
    from agent.capture.frame import Frame
    from agent.capture.mailbox import Mailbox
    from agent.dispatch.requests import Tuning
    from agent.perception.facts import Facts, Polygon
    from agent.perception.scene import Scene

EARLY = 0.1
"""Seconds by which, at most half an interval, a frame may come sooner than one interval after the one before: else a
camera that is about as fast as its rate cap, or slower, would lose each frame that the network has brought early."""


@dataclass(slots=True)
class Lane:
    """fps: inferences a second at most, 0 for every frame. cap: the same, set from outside while the machine is hot.

    live: the newest frame wins, and is taken only when a stream is free. weight: its share of a busy engine, beside
    the others'. private: what becomes black, polygons in 0..1 of the rotated picture. gallery: None without snapshots.
    inferred: frames; inferences: runs of the engine, one per crop. served: as `FairQueue` counts.
    resting: it is switched off, and no frame is taken; one that is under way yet is thrown away.
    scene_ended: its scene was stopped, for its source has ended or rests.
    gated_frame: the last one that was taken and not wanted, without its picture, until something else is said.
    not_before: until when the rate cap wants no frame; answered_at: something was said of a frame; idled_at: the scene
    heard that time passes; last_inference: all by time.monotonic().
    """

    camera: str
    mailbox: Mailbox
    scene: Scene
    fps: float
    live: bool
    floor: float
    weight: float = 1.0
    private: tuple[Polygon, ...] = ()
    gallery: Gallery | None = None
    jobs: deque[Job] = field(default_factory=deque)
    not_before: float = 0.0
    answered_at: float = 0.0
    idled_at: float = 0.0
    gated_frame: Frame | None = None
    served: float = 0.0
    gated: int = 0
    inferred: int = 0
    inferences: int = 0
    unknown: int = 0
    last_inference: float = 0.0
    cap: float = 0.0
    resting: bool = False
    scene_ended: bool = False
    requests: LaneRequests = field(default_factory=LaneRequests)

    def count_on(self, before: Lane) -> None:
        """In the place of another: numbers that only grow go on."""
        self.gated, self.inferred, self.inferences = before.gated, before.inferred, before.inferences
        self.unknown, self.last_inference, self.answered_at = before.unknown, before.last_inference, before.answered_at

    def pick(self, model_input: tuple[int, int], now: float) -> Job | None:
        """Takes the waiting frame and asks the scene where to look in it. None: nowhere, or there is none.

        The rate cap counts from a frame that is wanted: after one that is not, the next is looked at at once.
        """
        frame = self.mailbox.take()
        if frame is None:
            return None
        if self.resting:
            self.mailbox.gate()
            return None
        self.requests.show(frame, self.private)
        motion = frame.motion
        boxes, unsettled = (None, False) if motion is None else (motion.boxes, motion.unsettled)
        size = frame.width, frame.height
        crops = self.scene.wants(moment(frame), boxes, size, model_input, unsettled=unsettled)
        if not crops:
            self.gated += 1
            self.mailbox.gate()
            self.gated_frame = without_picture(frame)
            self.mailbox.doze = self.scene.waits_for_motion
            return None
        self._count(now)
        self.gated_frame = None
        self.mailbox.doze = False
        job = Job(frame, crops)
        self.jobs.append(job)
        return job

    def apply_requests(self, wall: float) -> Facts | None:
        """What others have asked for, as far as it can be had now; what the scene says to it."""
        facts = None
        if (tuning := self.requests.tuning()) is not None:
            facts = self._tune(tuning, wall)
        if self.requests.looking and (frame := self.mailbox.peek()) is not None:
            self.requests.show(frame, self.private)
        return facts

    def _tune(self, tuning: Tuning, wall: float) -> Facts | None:
        if tuning.fps != self.fps:
            self.not_before = self.mailbox.not_before = 0.0
        # A view that was cut before something became private may show it.
        kept = None if self.gallery is None else self.gallery.crop
        replaced = tuning.private != self.private or tuning.crop != kept
        if replaced:
            self.gallery = None if tuning.crop is None else Gallery(crop=tuning.crop, private=tuning.private)
        self.fps, self.floor, self.weight, self.private = tuning.fps, tuning.floor, tuning.weight, tuning.private
        self.scene_ended &= tuning.resting or not self.resting
        self.mailbox.doze, self.resting = False, tuning.resting
        facts = self.scene.change(wall, tuning.settings, tuning.totals)
        if replaced:
            self.scene.without_pictures()
        return facts

    @property
    def _rate(self) -> float:
        """Inferences a second at most, 0 for no limit."""
        return min(self.fps or self.cap, self.cap or self.fps)

    @property
    def interval(self) -> float:
        """Seconds between two inferences at least, 0 for no limit."""
        return 1 / self._rate if self._rate > 0 else 0.0

    def _count(self, now: float) -> None:
        interval = self.interval
        if not interval:
            return
        # From when it was due, not from now: else every late pick-up would lower the rate.
        due = self.not_before if now - self.not_before < interval else now - min(EARLY, interval / 2)
        self.not_before = self.mailbox.not_before = due + interval

    def ready_at(self) -> float:
        """time.monotonic() at which the waiting frame may be inferred; infinity when none waits.

        Under a rate cap that is the first frame captured when one is due, not an older one that happens to wait. One
        that nothing follows is taken an interval later. Where every frame counts, the waiting one is the next.
        """
        frame = self.mailbox.peek()
        if frame is None:
            return float("inf")
        if self.mailbox.lossless:
            return max(frame.monotonic, self.not_before)
        if frame.monotonic >= self.not_before:
            return frame.monotonic
        return self.not_before + 1 / (self._rate or self.fps or 1e3)

    @property
    def over(self) -> bool:
        """Whether the source has ended, or rests, and each frame that was taken of it has its answer."""
        return not self.jobs and (self.resting or (self.mailbox.ended and self.mailbox.peek() is None))

    def settled(self) -> list[Job]:
        """The jobs whose answers are here, in capture order; one that is still out holds back those behind it."""
        jobs = []
        while self.jobs and self.jobs[0].seen is not None:
            jobs.append(self.jobs.popleft())
        return jobs


def moment(frame: Frame) -> Moment:
    return Moment(frame.media_time, frame.captured_at, frame.monotonic)
