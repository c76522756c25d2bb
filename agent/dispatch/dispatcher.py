"""The dispatch thread of one model: mailboxes to engine, answers to scenes, in that order of urgency."""

from __future__ import annotations

import logging
import select
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from agent.dispatch.fair_queue import FairQueue
from agent.dispatch.lanes import Lanes
from agent.dispatch.scaler import Scaler
from agent.dispatch.scene_updates import SceneUpdates
from agent.wakeup import Wakeup
from backends.detections import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future

    from agent.dispatch.engine import RemoteEngine
    from agent.dispatch.job import Job
    from agent.dispatch.ladder import Ladder
    from agent.dispatch.lane import Lane
    from agent.dispatch.letterbox import Placement
    from agent.dispatch.result import Done, Pixels, Result
    from agent.perception.facts import Facts
    from backends.artifact import InputSpec

log = logging.getLogger("vedette.dispatch")

_IDLE_SECONDS = 0.5
_CLOSE_SECONDS = 0.5
_MOST_GATED = 32
"""Frames that a turn may find unwanted before it looks after the answers again."""


class _Run(NamedTuple):
    """One crop in a slot."""

    lane: Lane
    job: Job
    placement: Placement


class Dispatcher:
    """Owns one model's ladder of engines and its cameras' lanes.

    on_result: for each frame, in capture order per camera. on_facts: camera, what its scene says without a frame (at
    the end too), and pictures as in `Result`. Both are called on the dispatch thread and must not block.
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
        self.turned_at = time.monotonic()
        self._updates = SceneUpdates(on_result, on_facts)
        self._lanes = Lanes(lanes, self._updates)
        self._queue = FairQueue()
        self._scalers: dict[InputSpec, Scaler] = {}
        self._runs: dict[int, _Run] = {}
        self._begun: tuple[Lane, Job] | None = None  # some of its crops are out, and some still to be sent
        self._n = 0
        self._busy = False
        self._complaint = ""
        self._wakeup = Wakeup()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"dispatch-{model}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Something changed: a frame, a worker, an end. From any thread."""
        self._wakeup.set()

    def frame_came(self) -> None:
        """A mailbox has a new frame. While the engine is full its next answer leads to that frame anyway.

        Nothing is missed: a slot becomes free before the mailboxes are looked at, and this looks after the frame is
        in its mailbox.
        """
        if self._has_room():
            self.wake()

    def adopt(self, lane: Lane) -> None:
        """From now on this camera's frames are answered here, too. From any thread."""
        lane.mailbox.wake = self.frame_came
        self._lanes.adopt(lane)
        self.wake()

    def release(self, lane: Lane, *, ends: bool) -> Future[Lane]:
        """Lets the lane go, once what it has in flight is answered: the engine's deadlines bound that. From any thread.

        ends: its scene is stopped, too. Callbacks of the future are called on the dispatch thread.
        """
        gone = self._lanes.release(lane, ends=ends)
        self.wake()
        return gone

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

        Read in this order: a frame that has left its mailbox is in a turn (`_busy`), then begun or in `_runs`.
        """
        waiting = any(lane.mailbox.waiting_since() is not None for lane in self._lanes.present)
        return not waiting and not self._busy and self._begun is None and not self._runs and not self._lanes.moving

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._turn()
        except Exception:
            log.exception("the dispatch thread of %s ended: this is a bug in Vedette", self.model)
        finally:
            self._lanes.end()
            self.ladder.close(_CLOSE_SECONDS)

    def _turn(self) -> None:
        """One round: collect answers, refill the engine, and only then spend time on the answers."""
        self._busy = False
        readable = self._sleep()
        self._busy = True
        now = self.turned_at = time.monotonic()
        for answer in self.ladder.receive(now, readable):
            self._settle(answer)
        self._lanes.turn()
        self._fill()
        self._lanes.finish_leaving(now)
        for lane in self._lanes.present:
            for job in lane.settled():
                self._updates.answer(lane, job, now)
            self._updates.report_silence(lane, now, self.ladder.current)
            self._updates.stop_if_over(lane)

    def _sleep(self) -> list[int]:
        """Until something is readable (which is returned) or due."""
        deadline = min([self.ladder.next_deadline(), *self._due(), *self._report_due()])
        timeout = min(max(deadline - time.monotonic(), 0.0), _IDLE_SECONDS)
        wakeup = self._wakeup.fileno()
        readable, _, _ = select.select([wakeup, *self.ladder.filenos()], [], [], timeout)
        if wakeup in readable:
            self._wakeup.clear()
        return readable

    def _due(self) -> list[float]:
        """When rate-capped cameras with a frame in their mailbox may have it inferred."""
        if not self.ladder.serving:
            return []
        ready = (lane.ready_at() for lane in self._lanes.present)
        return [at for at in ready if self.turned_at < at]

    def _report_due(self) -> list[float]:
        """When something is to be said next of cameras whose frames get no answer."""
        at = (self._updates.report_due_at(lane) for lane in self._lanes.present)
        return [time for time in at if self.turned_at < time]

    def _has_room(self) -> bool:
        """A live frame that waits in a slot only ages there; where every frame counts, the next ones are made ready."""
        engine = self.ladder.current
        return bool(engine.slots.free) and not (self._lanes.any_live and len(engine.slots) >= engine.streams)

    def _fill(self) -> None:
        """The rest of a frame that is begun goes before any other frame."""
        engine = self.ladder.current
        if self._begun is not None and not engine.serving:
            self._fail(*self._begun, Unknown(f"engine {engine.state}"))
        while self._has_room():
            begun = self._begun or self._next(engine)
            if begun is None:
                break
            self._send(engine, *begun)
        busy = engine.serving and not self._has_room()
        for lane in self._lanes.present:
            lane.mailbox.busy = busy

    def _next(self, engine: RemoteEngine) -> tuple[Lane, Job] | None:
        """The next frame that its scene wants looked at."""
        spec = engine.artifact.input
        for _ in range(_MOST_GATED):
            now = time.monotonic()
            lane = self._queue.next(self._lanes.present, now)
            if lane is None:
                return None
            job = lane.pick((spec.width, spec.height), now)
            if job is not None:
                self._queue.charge(lane, len(job.crops))
                job.backend, job.rev = engine.spec.program.name, engine.artifact.rev
                return lane, job
        self.wake()
        return None

    def _send(self, engine: RemoteEngine, lane: Lane, job: Job) -> None:
        """The job's next crop."""
        slot = engine.slots.free.pop()
        frame, crop = job.frame, job.crops[job.sent]
        scaler = self._scaler(engine.artifact.input)
        try:
            placement = scaler.scale(frame.picture, frame.rotate, engine.image(slot), crop, lane.private)
        except Exception as e:  # noqa: BLE001 - a picture nobody thought of costs its own answer, not the watch
            engine.slots.free.append(slot)
            self._refuse(lane, job, e)
            return
        self._n += 1
        self._runs[self._n] = _Run(lane, job, placement)
        job.sent += 1
        self._begun = None if job.all_sent else (lane, job)
        engine.submit(slot, self._n, lane.floor, time.monotonic())
        if job.all_sent and lane.gallery is None:
            job.release()

    def _scaler(self, spec: InputSpec) -> Scaler:
        """Engines of one ladder may have inputs of different size."""
        if spec not in self._scalers:
            self._scalers[spec] = Scaler(spec.width, spec.height, spec.resize, spec.pad)
        return self._scalers[spec]

    def _refuse(self, lane: Lane, job: Job, error: Exception) -> None:
        reason = f"a picture of {job.frame.width}x{job.frame.height} that cannot be scaled: {error}"
        if reason != self._complaint:  # once, not once per frame
            self._complaint = reason
            log.warning(reason, extra={"CAMERA": lane.camera})
        self._fail(lane, job, Unknown(reason))

    def _settle(self, done: Done) -> None:
        lane, job, placement = self._runs.pop(done.n)
        seen = done.seen
        if isinstance(seen, Unknown):
            if job.seen is None:
                self._fail(lane, job, seen)
            return
        lane.inferences += 1
        lane.last_inference = self.turned_at
        if job.seen is None:  # else another of its crops has failed
            job.add(placement, seen, done)
            lane.inferred += job.seen is not None

    def _fail(self, lane: Lane, job: Job, cause: Unknown) -> None:
        """Nobody knows what is in the frame; what of it has not been sent never is."""
        lane.unknown += 1
        job.fail(cause)
        if self._begun is not None and self._begun[1] is job:
            self._begun = None
