"""What a camera's scene is told, and what is handed on of what it says: with a frame, and without one."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from agent.dispatch.job import without_picture
from agent.dispatch.lane import moment
from agent.dispatch.result import Result
from agent.perception.facts import Facts
from backends.detections import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.capture.frame import Frame
    from agent.dispatch.engine import RemoteEngine
    from agent.dispatch.job import Job
    from agent.dispatch.lane import Lane
    from agent.dispatch.result import Pixels

log = logging.getLogger("vedette.dispatch")

_UNANSWERED_SECONDS = 1.0
_SILENT_SECONDS = 0.9
"""From the last answer to the next without one, so that there is one each second though frames are a tenth apart."""
_LATEST_SECONDS = 1.25
"""The same where an answer is about to come."""
_DUE_SECONDS = 0.2
"""What the frame that a rate cap is about to let through is given to come and to be taken: it has the better answer."""
_IDLE_SECONDS = 0.45
"""Between two calls of a scene's `idle`: a dispatcher that nothing wakes turns each half second."""


class SceneUpdates:
    """on_result, on_facts: as of `Dispatcher`."""

    def __init__(
        self, on_result: Callable[[Result], None], on_facts: Callable[[str, Facts, Mapping[int, Pixels]], None]
    ) -> None:
        self._on_result = on_result
        self._on_facts = on_facts
        self._complaint = ""

    def answer(self, lane: Lane, job: Job, now: float) -> None:
        """The engine's answer to its scene, and the scene's on."""
        assert job.seen is not None
        lane.answered_at = now
        frame = job.frame
        facts = lane.scene.update(moment(frame), (frame.width, frame.height), job.seen)
        pictures = self._pictures(lane, facts, frame)
        self._on_result(Result(frame, facts, job.backend, job.rev, job.queue_ms, job.inference_ms, pictures))

    def report_silence(self, lane: Lane, now: float, engine: RemoteEngine) -> None:
        """A camera that delivers frames nobody infers says so each second, and its scene hears that time passes."""
        if now - lane.idled_at >= _IDLE_SECONDS:
            lane.idled_at = now
            waiting = lane.mailbox.peek()
            taken = None if waiting is None else waiting.monotonic
            self._without_frame(lane, lane.scene.idle(now, time.time(), taken, lane.interval))
        if now < self.report_due_at(lane):
            return
        cause, frame = self._unanswered(lane, now, engine)
        if frame is None:
            return
        lane.answered_at = now
        lane.gated_frame = None
        self._on_result(Result(frame, Facts(Unknown(cause))))

    @staticmethod
    def report_due_at(lane: Lane) -> float:
        """time.monotonic() from which on something is to be said of the camera, whatever there is to say."""
        at, latest = lane.answered_at + _SILENT_SECONDS, lane.answered_at + _LATEST_SECONDS
        if lane.jobs:
            taken = lane.jobs[0].frame.monotonic
            at = max(at, taken + _SILENT_SECONDS if taken > at else min(taken + _SILENT_SECONDS, latest))
        due = lane.not_before + _DUE_SECONDS
        return due if at < due <= latest else at

    @staticmethod
    def _unanswered(lane: Lane, now: float, engine: RemoteEngine) -> tuple[str, Frame | None]:
        """Why a frame has no answer, and which frame: the oldest that the engine has, so that they are told in order.

        None where there is nothing to say: an old live frame is of a camera that has stopped, which is told elsewhere.
        """
        if lane.jobs:
            return "engine busy", without_picture(lane.jobs[0].frame)
        waiting = f"engine {engine.state}"
        if engine.serving:  # with the frames of others, where no rate cap is why this one waits
            waiting = "rate" if now < lane.ready_at() else "engine busy"
        for cause, frame in (("gated", lane.gated_frame), (waiting, lane.mailbox.peek())):
            if frame is not None and not (lane.live and now - frame.monotonic > _UNANSWERED_SECONDS):
                return cause, frame
        return "", None

    def apply_requests(self, lane: Lane) -> None:
        """What others want of the lane."""
        self._without_frame(lane, lane.apply_requests(time.time()))

    def stop_if_over(self, lane: Lane) -> None:
        """A file that is over shows nobody any more, though other cameras go on."""
        if lane.over and not lane.scene_ended:
            lane.scene_ended = True
            self.stop_scene(lane)

    def stop_scene(self, lane: Lane) -> None:
        self._without_frame(lane, lane.scene.stop(time.time()))

    def _without_frame(self, lane: Lane, facts: Facts | None) -> None:
        if facts is not None:
            self._on_facts(lane.camera, facts, self._pictures(lane, facts, None))

    def _pictures(self, lane: Lane, facts: Facts, frame: Frame | None) -> Mapping[int, Pixels]:
        """Keeps the frame's better views; returns, by track id, the view kept of each to which something happened."""
        if lane.gallery is None:
            return {}
        if facts.views and frame is not None and not frame.picture.y.size:  # sent before its picture was wanted
            lane.scene.without_pictures()
        elif facts.views and frame is not None:
            try:
                lane.gallery.look(frame, facts.views)
            except Exception as e:  # noqa: BLE001 - a picture nobody thought of costs its own snapshot, not the watch
                if repr(e) != self._complaint:  # once, not once per frame
                    self._complaint = repr(e)
                    log.warning("no snapshot could be cut: %r", e, extra={"CAMERA": lane.camera})
        return lane.gallery.pictures(facts.happenings) if facts.happenings else {}
