"""The dispatch thread of one model: mailboxes to engine, answers to scenes, in that order of urgency."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
import time
from typing import TYPE_CHECKING

from agent.dispatch.lane import Job, Lane, longest_waiting
from agent.dispatch.letterbox import Placement
from agent.dispatch.result import Result
from agent.dispatch.scaler import Scaler
from agent.perception.facts import Facts, Moment
from backends.detections import Detections, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent.capture.frame import Frame
    from agent.dispatch.ladder import Ladder
    from agent.dispatch.result import Done, Pixels
    from backends.artifact import InputSpec

log = logging.getLogger("vedette.dispatch")

_UNANSWERED_SECONDS = 1.0
_IDLE_SECONDS = 0.5
_CLOSE_SECONDS = 0.5


class Dispatcher:
    """Owns one model's ladder of engines and its cameras' lanes.

    Both are called on the dispatch thread and must not block. on_result: for each frame, in capture order per camera.
    on_facts: camera, what its scene says without a frame (at the end too), and pictures as in `Result`.
    """

    def __init__(
        self,
        model: str,
        ladder: Ladder,
        lanes: Sequence[Lane],
        on_result: Callable[[Result], None],
        on_facts: Callable[[str, Facts, Mapping[int, Pixels]], None] = lambda *_: None,
    ) -> None:
        self.model = model
        self.ladder = ladder
        self.lanes = tuple(lanes)
        self.turned_at = time.monotonic()
        self._on_result = on_result
        self._on_facts = on_facts
        self._scalers: dict[InputSpec, Scaler] = {}
        self._any_live = any(lane.live for lane in lanes)
        self._jobs: dict[int, tuple[Lane, Job]] = {}
        self._n = 0
        self._busy = False
        self._complaint = ""
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_in, False)
        os.set_blocking(self._wake_out, False)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"dispatch-{model}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Something changed: a frame, a worker, an end. From any thread."""
        with contextlib.suppress(BlockingIOError):  # it is awake already
            os.write(self._wake_in, b"\0")

    def frame_came(self) -> None:
        """A mailbox has a new frame. While the engine is full its next answer leads to that frame anyway.

        Nothing is missed: a slot becomes free before the mailboxes are looked at, and this looks after the frame is
        in its mailbox.
        """
        if self._has_room():
            self.wake()

    def stop(self) -> None:
        self._stopping = True
        self.wake()

    def join(self, timeout: float) -> bool:
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is in flight.

        Read in this order: a frame that has left its mailbox is in a turn (`_busy`), then in `_jobs`.
        """
        waiting = any(lane.mailbox.waiting_since() is not None for lane in self.lanes)
        return not waiting and not self._busy and not self._jobs

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._turn()
        except Exception:
            log.exception("the dispatch thread of %s ended: this is a bug in Vedette", self.model)
        finally:
            self.ladder.close(_CLOSE_SECONDS)

    def _turn(self) -> None:
        """One round: collect answers, refill the engine, and only then spend time on the answers."""
        self._busy = False
        readable = self._sleep()
        self._busy = True
        now = self.turned_at = time.monotonic()
        for answer in self.ladder.receive(now, readable):
            self._settle(answer)
        self._fill()
        for lane in self.lanes:
            for job in lane.settled():
                self._answer(lane, job)
            self._speak_for_silence(lane, now)

    def _sleep(self) -> list[int]:
        """Until something is readable (which is returned) or due."""
        deadline = min([self.ladder.next_deadline(), *self._due()])
        timeout = min(max(deadline - time.monotonic(), 0.0), _IDLE_SECONDS)
        readable, _, _ = select.select([self._wake_out, *self.ladder.filenos()], [], [], timeout)
        if self._wake_out in readable:
            os.read(self._wake_out, 4096)
        return readable

    def _due(self) -> list[float]:
        """When rate-capped cameras with a frame in their mailbox may have it inferred."""
        if not self.ladder.serving:
            return []
        ready = (lane.ready_at() for lane in self.lanes)
        return [at for at in ready if self.turned_at < at]

    def _fill(self) -> None:
        engine = self.ladder.current
        while self._has_room():
            now = time.monotonic()
            lane = longest_waiting(self.lanes, now)
            frame = lane.take(now) if lane is not None else None
            if lane is None or frame is None:
                return
            scaler = self._scaler(engine.artifact.input)
            slot = engine.slots.free.pop()
            try:
                placement = scaler.scale(frame.picture, frame.rotate, engine.image(slot))
            except Exception as e:  # noqa: BLE001 - a picture nobody thought of costs its own answer, not the watch
                engine.slots.free.append(slot)
                self._refuse(lane, frame, e)
                continue
            self._n += 1
            job = Job(self._n, frame, placement, engine.spec.program.name, engine.artifact.rev)
            lane.jobs.append(job)
            self._jobs[self._n] = (lane, job)
            engine.submit(slot, self._n, lane.floor, time.monotonic())

    def _has_room(self) -> bool:
        """A live frame that waits in a slot only ages there; where every frame counts, the next ones are made ready."""
        engine = self.ladder.current
        return bool(engine.slots.free) and not (self._any_live and len(engine.slots) >= engine.streams)

    def _scaler(self, spec: InputSpec) -> Scaler:
        """Engines of one ladder may have inputs of different size."""
        if spec not in self._scalers:
            self._scalers[spec] = Scaler(spec.width, spec.height, spec.resize, spec.pad)
        return self._scalers[spec]

    def _refuse(self, lane: Lane, frame: Frame, error: Exception) -> None:
        lane.unknown += 1
        reason = f"a picture of {frame.width}x{frame.height} that cannot be scaled: {error}"
        if reason != self._complaint:  # once, not once per frame
            self._complaint = reason
            log.warning(reason, extra={"CAMERA": lane.camera})
        lane.jobs.append(Job(0, frame, Placement(0, 0, 1, 1), seen=Unknown(reason)))

    def _settle(self, done: Done) -> None:
        lane, job = self._jobs.pop(done.n)
        seen, frame = done.seen, job.frame
        if isinstance(seen, Unknown):
            lane.unknown += 1
            job.seen, job.backend, job.rev = seen, "", ""
            return
        lane.inferred += 1
        lane.last_inference = self.turned_at
        job.seen = Detections(job.placement.to_picture(seen.xyxy), seen.confidence, seen.class_id)
        job.queue_ms = max(0.0, done.started - frame.monotonic) * 1e3
        job.inference_ms = done.inference_ms

    def _answer(self, lane: Lane, job: Job) -> None:
        assert job.seen is not None
        lane.answered_at = self.turned_at
        frame = job.frame
        facts = lane.scene.update(moment(frame), (frame.width, frame.height), job.seen)
        self._on_result(Result(frame, facts, job.backend, job.rev, job.queue_ms, job.inference_ms))

    def _speak_for_silence(self, lane: Lane, now: float) -> None:
        """A camera that delivers frames nobody infers says so each second: unknown is not empty."""
        if now - lane.answered_at < _UNANSWERED_SECONDS or lane.jobs:
            return
        frame = lane.mailbox.peek()
        if frame is None or (lane.live and now - frame.monotonic > _UNANSWERED_SECONDS):
            return  # a live frame this old is that of a camera which has stopped, and says so itself
        lane.answered_at = now
        engine = self.ladder.current
        cause = "rate" if engine.serving else f"engine {engine.state}"
        self._on_result(Result(frame, Facts(Unknown(cause))))


def moment(frame: Frame) -> Moment:
    return Moment(frame.media_time, frame.captured_at, frame.monotonic)
