"""One engine in its worker: resting, loading, serving, failed or refused. No wait is without a deadline."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Literal

from agent.dispatch import answers
from agent.dispatch.recovery import Recovery
from agent.dispatch.slots import Slots
from agent.dispatch.spec import EngineCounters
from agent.dispatch.streak import Streak
from agent.dispatch.worker import WorkerGone, close_unwanted, stuck_workers
from backends.contract import BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray

    from agent.dispatch.answers import Ready
    from agent.dispatch.result import Done
    from agent.dispatch.spec import EngineSpec
    from agent.dispatch.worker import Spawn, WorkerProcess
    from backends.artifact import Artifact
    from backends.protocol import Message

log = logging.getLogger("vedette.engine")

HELLO_SECONDS = 20.0
LOAD_SECONDS = 120.0
_MOST_LOAD_SECONDS = 600.0
_MOST_STUCK = 2

State = Literal["resting", "loading", "serving", "failed", "absent", "refused"]
"""resting: nobody wants it. absent: this machine cannot use the backend now. refused: none of the files is for it."""


class RemoteEngine:
    """Owned by one dispatcher; every method is called on its thread.

    It starts itself, and again after a failure, for as long as it is `wanted`. `cause` says why it is not serving.
    """

    def __init__(self, spec: EngineSpec, spawn: Spawn) -> None:
        self.spec = spec
        self.wanted = True
        self.state: State = "resting"
        self.cause = self.progress = ""
        self.since = time.time()
        self.info: Mapping[str, Any] = {}
        self.telemetry: Mapping[str, float] = {}
        self.counters = EngineCounters()
        self.slots = Slots()
        self.streams = 0
        self._spawn = spawn
        self._candidate = 0
        self._pending: Future[WorkerProcess] | None = None
        self._worker: WorkerProcess | None = None
        self._deadline = float("inf")  # of the phase before serving
        self._fatal = self._complaint = ""
        self._streak = Streak()
        self._recovery = Recovery(expected=spec.expected)
        self._answered: tuple[float, float] | None = None  # when a frame was answered since it was loaded: first, last

    @property
    def artifact(self) -> Artifact:
        """The file in use, or the one that is tried next."""
        return self.spec.artifacts[self._candidate]

    @property
    def serving(self) -> bool:
        return self.streams > 0

    def filenos(self) -> tuple[int, ...]:
        return self._worker.filenos() if self._worker else ()

    def next_deadline(self) -> float:
        """time.monotonic() at which `advance` must be called at the latest."""
        if self._worker is None:
            idle = self._pending is not None or not self.wanted or self.state == "refused"
            return float("inf") if idle else self._recovery.retry_at
        if self._fatal:
            return 0.0
        return min(self._deadline, self.slots.next_deadline())

    def advance(self, now: float) -> list[Done]:
        """Starts, restarts and enforces deadlines. Returns what was in flight when the worker had to go."""
        if self._worker is None:
            self._start(now)
            return []
        if self._fatal:
            return self._fail(now, self._fatal)
        if self.slots.overdue(now):
            return self._fail(now, f"no answer for {self.slots.seconds:g} s")
        if now >= self._deadline:
            return self._fail(now, "start or load took too long")
        if not self.wanted and not self.slots:
            self.rest(now)
        return []

    def submit(self, slot: int, n: int, floor: float, now: float) -> None:
        """Runs the slot, which the caller has filled and taken out of `slots.free`."""
        assert self._worker is not None
        self.slots.run(slot, n, now)
        try:
            self._worker.run(slot, n, floor)
        except WorkerGone:
            self.slots.overdue_now(slot, now)  # `advance` or the end of the pipe takes it from here

    def image(self, slot: int) -> NDArray[np.uint8]:
        """(height, width, 3) RGB, to be filled."""
        assert self._worker is not None
        return self._worker.images[slot]

    def receive(self, now: float, readable: Collection[int]) -> list[Done]:
        """The answers that have come. readable: those of `filenos` that are."""
        if self._worker is None:
            return []
        replies, *output = self._worker.filenos()
        if any(fd in readable for fd in output):
            for line in self._worker.output_lines():
                self._say(logging.INFO, line)
        if replies not in readable:
            return []
        try:
            messages = self._worker.receive()
        except WorkerGone as e:
            return self._fail(now, str(e))
        done: list[Done] = []
        for message in messages:
            try:
                done += self._on_message(message, now)
            except (WorkerGone, *answers.UNREADABLE) as e:
                return done + self._fail(now, f"protocol: {type(e).__name__}: {e}")
            except OSError as e:
                return done + self._fail(now, f"no memory can be shared with it: {e.strerror}")
            if self._worker is None:
                break
        return done

    def rest(self, now: float) -> None:
        """Frees its device and memory until it is wanted again. Nothing may be in flight."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.dismiss(now)
        self._forget()
        self._set("resting", "")

    def close(self, grace: float) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close(grace)
        self._forget()

    def _forget(self) -> None:
        if self._pending is not None:
            self._pending.add_done_callback(close_unwanted)
            self._pending = None
        self.streams, self.telemetry = 0, {}
        self.slots.clear()
        self._deadline = float("inf")
        self._fatal = ""
        self._streak.reset()

    def _start(self, now: float) -> None:
        if self._pending is None:
            if self.wanted and self.state != "refused" and now >= self._recovery.retry_at:
                if len(stuck := stuck_workers(self.spec.program.name, now)) >= _MOST_STUCK:
                    self._wait_for(stuck, now)
                    return
                if self.state != "absent":  # one that was never there is looked for in silence
                    self._set("loading", self.cause)
                self._candidate = 0
                self._pending = self._spawn(self.spec.program)
        elif self._pending.done():
            future, self._pending = self._pending, None
            try:
                self._worker = future.result()
            except Exception as e:  # noqa: BLE001 - whatever it is, the other engines of this thread go on
                self._fail(now, f"cannot start a worker process: {str(e) or type(e).__name__}")
            else:
                self._deadline = now + HELLO_SECONDS

    def _wait_for(self, stuck: Sequence[int], now: float) -> None:
        """Each more would hang in the same driver, and hold as much memory again."""
        pids = ", ".join(map(str, stuck))
        cause = (
            f"{len(stuck)} former workers do not end though killed (pid {pids}): they hang in a driver; no other is "
            "started until they are gone: reconnect the device, or restart the machine"
        )
        self._recovery.after_failure(now)
        if cause != self.cause:
            self._say(logging.ERROR, f"failed: {cause}")
        self._set("failed", cause)

    def _on_message(self, message: Message, now: float) -> list[Done]:
        op = message["op"]
        if op == "done":
            return self._on_done(message, now)
        if op == "error" and "slot" in message:
            return self._on_error(message, now)
        if op == "unavailable":
            return self._fail(now, str(BackendUnavailable(message["reason"], message["hint"])), absent=True)
        if op == "error":
            return self._fail(now, str(message["text"]))
        if op == "telemetry":
            self.telemetry = answers.telemetry(message)
        else:
            self._on_start(op, message, now)
        return []

    def _on_start(self, op: str, message: Message, now: float) -> None:
        """The words before the first run, in their order."""
        if self.serving and op in {"hello", "refused", "ready", "mapped"}:
            raise ValueError(f"{op} while it serves")
        if op == "hello":
            self._load(now)
        elif op == "refused":
            self._on_refused(str(message["text"]), now)
        elif op == "progress":
            self._on_progress(message, now)
        elif op == "ready":
            self._on_ready(answers.ready(message), now)
        elif op == "mapped":
            self._on_mapped()

    def _load(self, now: float) -> None:
        assert self._worker is not None
        self._deadline = now + LOAD_SECONDS
        self._worker.send(
            "load",
            artifact=self.artifact.to_json(),
            device=self.spec.device,
            options=dict(self.spec.options),
            own=dict(self.spec.program.options),
        )

    def _on_progress(self, message: Message, now: float) -> None:
        until = now + min(answers.finite(message, "within", LOAD_SECONDS), _MOST_LOAD_SECONDS)
        if self.serving:
            self.slots.allow(until)
            return
        self._deadline = until
        if str(message["phase"]).startswith("build"):  # for minutes, on a Jetson; all else is quick
            self.progress = f"{message['phase']}, {10 * int(10 * float(message['done']))} %"

    def _on_refused(self, text: str, now: float) -> None:
        if self._candidate + 1 < len(self.spec.artifacts):
            self._candidate += 1
            self._load(now)
            return
        self.close(0.0)
        self._set("refused", text)
        self._say(logging.INFO, f"is not used: {text}")

    def _on_ready(self, ready: Ready, now: float) -> None:
        assert self._worker is not None
        self.info = ready.info
        self.slots.seconds = ready.seconds
        self._worker.map_slots(ready.layout)
        self._deadline = now + HELLO_SECONDS

    def _on_mapped(self) -> None:
        assert self._worker is not None
        self._deadline = float("inf")
        self.slots.free = list(range(len(self._worker.images)))
        self.streams = int(self.info["streams"])
        self._answered = None
        self._set("serving", "")
        notes = "; ".join(self.info["notes"]) or "-"
        what = (
            f"{self.artifact.name} {self.info['precision']}, {self.streams} stream{'s' * (self.streams != 1)}, {notes}"
        )
        self._say(logging.INFO, f"serves on {self.info['device']}: {what}")

    def _on_done(self, message: Message, now: float) -> list[Done]:
        assert self._worker is not None
        done = answers.done(message, self._worker.results, len(self.artifact.labels))
        if not self.slots.take(done.slot, done.n):
            return []
        self._streak.reset()
        self._answered = (self._answered[0] if self._answered else now, now)
        self.counters.ran(done.inference_ms)
        return [done]

    def _on_error(self, message: Message, now: float) -> list[Done]:
        done, text, retriable = answers.error(message)
        if not self.slots.take(done.slot, done.n):
            return []
        self.counters.errors += 1
        if text != self._complaint:  # once, not once per frame
            self._complaint = text
            self._say(logging.WARNING, text)
        if not retriable:
            self._fatal = text  # this frame's answer goes out first, then `advance` replaces the worker
        elif self._streak.too_many(now):
            self._fatal = f"{text} ({self._streak.errors} times in a row)"
        return [done]

    def _fail(self, now: float, cause: str, *, absent: bool = False) -> list[Done]:
        lost = self.slots.lost(f"engine: {cause}")
        if self.serving:
            first, last = self._answered or (now, now)
            self._recovery.served(last - first)
        self.close(0.0)
        known = cause == self.cause
        if absent:
            self._recovery.after_absence(now)
        else:
            self._recovery.after_failure(now)
            self.counters.restarts += 1
        self._set("absent" if absent else "failed", cause)
        level = logging.ERROR if not absent else logging.DEBUG if known else logging.WARNING
        what = "cannot be used" if absent else "failed"
        wait = self._recovery.retry_at - now
        self._say(level, f"{what}: {cause}; trying again " + (f"in {wait:.1f} s" if wait >= 0.05 else "at once"))
        return lost

    def _set(self, state: State, cause: str) -> None:
        self.progress = ""
        if (state, cause) != (self.state, self.cause):
            self.state, self.cause, self.since = state, cause, time.time()

    def _say(self, level: int, text: str) -> None:
        log.log(level, "%s: %s", self.spec.id, text, extra=self.spec.log_fields)
