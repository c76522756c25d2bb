"""One engine in its worker, as the dispatcher sees it: loading, serving or failed. No wait is without a deadline."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from agent.backoff import Backoff
from agent.dispatch.result import Done, EngineStatus
from agent.dispatch.worker import WorkerGone, WorkerProcess
from backends.detections import Detections, Unknown
from backends.protocol import Message, SlotLayout

if TYPE_CHECKING:
    from concurrent.futures import Future

    from backends.artifact import Artifact

log = logging.getLogger("vedette.engine")

HELLO_SECONDS = 20.0
LOAD_SECONDS = 120.0
RUN_SECONDS = 5.0
_RETRY_FIRST, RETRY_MOST = 0.5, 30.0
_HEALTHY_AFTER = 10.0


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """id: the topic level of this engine. entry_point: "module:Class", run only in the worker."""

    id: str
    backend: str
    entry_point: str
    artifact: Artifact
    options: Mapping[str, Any]
    device: str | None = None


@dataclass(slots=True)
class EngineCounters:
    runs: int = 0
    errors: int = 0
    restarts: int = 0
    inference_ms: deque[float] = field(default_factory=lambda: deque(maxlen=512))


Spawn = Callable[[str, str], "Future[WorkerProcess]"]
"""Starts a worker on the main thread: (name, entry point) to a future."""


class RemoteEngine:
    """Owned by one dispatcher; every method is called on its thread."""

    def __init__(self, spec: EngineSpec, spawn: Spawn, on_status: Callable[[EngineStatus], None]) -> None:
        self.spec = spec
        self.info: Mapping[str, Any] = {}
        self.counters = EngineCounters()
        self.free: list[int] = []
        self.streams = 0
        self._spawn = spawn
        self._on_status = on_status
        self._pending: Future[WorkerProcess] | None = None
        self._worker: WorkerProcess | None = None
        self._running: dict[int, tuple[int, float]] = {}  # slot -> (n, deadline)
        self._deadline = float("inf")  # of the phase before serving
        self._doomed = self._complaint = ""
        self._retry_at = 0.0
        self._backoff = Backoff(_RETRY_FIRST, RETRY_MOST)
        self._failed = False
        self._serving_since = 0.0
        self.status = EngineStatus(spec.id, "loading", spec.backend, spec.device or "", "", time.time())

    @property
    def serving(self) -> bool:
        return self.streams > 0

    @property
    def in_flight(self) -> int:
        return len(self._running)

    def filenos(self) -> tuple[int, ...]:
        return self._worker.filenos() if self._worker else ()

    def next_deadline(self) -> float:
        """time.monotonic() at which `advance` must be called at the latest."""
        if self._worker is None:
            return self._retry_at if self._pending is None else float("inf")
        if self._doomed:
            return 0.0
        return min([self._deadline, *(deadline for _, deadline in self._running.values())])

    def advance(self, now: float) -> list[Done]:
        """Starts, restarts and enforces deadlines. Returns what was in flight when the worker had to go."""
        if self._worker is None:
            if self._pending is not None:
                self._adopt(now)
            elif now >= self._retry_at:
                self._set("loading", self.status.cause)
                self._pending = self._spawn(self.spec.id, self.spec.entry_point)
            return []
        if self._doomed:
            return self._fail(now, self._doomed)
        overdue = [n for n, deadline in self._running.values() if now >= deadline]
        if overdue:
            return self._fail(now, f"no answer for {RUN_SECONDS:.0f} s")
        if now >= self._deadline:
            return self._fail(now, "start or load took too long")
        return []

    def submit(self, slot: int, n: int, floor: float, now: float) -> None:
        """Runs the slot, which the caller has filled and taken out of `free`."""
        assert self._worker is not None
        self._running[slot] = (n, now + RUN_SECONDS)
        try:
            self._worker.send("run", slot=slot, n=n, floor=floor)
        except WorkerGone:
            self._running[slot] = (n, now)  # `advance` or the end of the pipe takes it from here

    def image(self, slot: int) -> Any:
        """uint8 (height, width, 3) RGB, to be filled."""
        assert self._worker is not None
        return self._worker.images[slot]

    def receive(self, now: float, readable: Collection[int]) -> list[Done]:
        """The answers that have come. readable: those of `filenos` that are."""
        if self._worker is None:
            return []
        replies, output = self._worker.filenos()
        if output in readable:
            for line in self._worker.output_lines():
                log.info("%s: %s", self.spec.id, line, extra={"ENGINE": self.spec.id})
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
            except (WorkerGone, KeyError, TypeError, ValueError) as e:
                return done + self._fail(now, f"protocol: {type(e).__name__}: {e}")
            if self._worker is None:
                break
        return done

    def close(self, grace: float = 0.5) -> None:
        if self._pending is not None:
            self._pending.add_done_callback(_close_unwanted)
            self._pending = None
        if self._worker is not None:
            self._worker.close(grace)
            self._worker = None
        self.streams, self.free = 0, []
        self._running.clear()

    def _adopt(self, now: float) -> None:
        assert self._pending is not None
        if not self._pending.done():
            return
        future, self._pending = self._pending, None
        try:
            self._worker = future.result()
        except OSError as e:
            self._fail(now, f"cannot start a worker process: {e}")
            return
        self._deadline = now + HELLO_SECONDS

    def _on_message(self, message: Message, now: float) -> list[Done]:
        op = message["op"]
        if op == "done":
            return self._on_done(message)
        if op == "error" and "slot" in message:
            return self._on_error(message)
        if op == "hello":
            self._load(now)
        elif op == "progress":
            self._deadline = now + LOAD_SECONDS
        elif op == "ready":
            self._on_ready(message, now)
        elif op == "mapped":
            self._on_mapped(now)
        elif op in {"error", "unavailable"}:
            text = message.get("text") or f"{message['reason']} ({message['hint']})"
            return self._fail(now, str(text))
        return []

    def _load(self, now: float) -> None:
        assert self._worker is not None
        self._deadline = now + LOAD_SECONDS
        self._worker.send(
            "load",
            artifact=self.spec.artifact.to_json(),
            device=self.spec.device,
            options=dict(self.spec.options),
        )

    def _on_ready(self, message: Message, now: float) -> None:
        assert self._worker is not None
        layout = SlotLayout(message["input"]["height"], message["input"]["width"], message["slots"])
        if layout.size != message["bytes"] or not 1 <= layout.slots <= 64:
            raise ValueError(f"{layout.slots} slots in {message['bytes']} bytes")
        self.info = message["info"]
        self._worker.map_slots(layout)
        self._deadline = now + HELLO_SECONDS

    def _on_mapped(self, now: float) -> None:
        assert self._worker is not None
        self._deadline = float("inf")
        self.free = list(range(len(self._worker.images)))
        self.streams = int(self.info["streams"])
        self._serving_since = now
        self._set("serving", "")
        log.info(
            "%s serves on %s: %s %s, %d streams, %s",
            self.spec.id, self.info["device"], self.spec.artifact.name, self.info["precision"],
            self.streams, "; ".join(self.info["notes"]) or "-",
            extra={"ENGINE": self.spec.id},
        )  # fmt: skip

    def _on_done(self, message: Message) -> list[Done]:
        assert self._worker is not None
        slot = int(message["slot"])
        rows = np.array(self._worker.results[slot][: int(message["count"])])
        labels = len(self.spec.artifact.labels)
        if len(rows) and not (rows[:, 5].min() >= 0 and rows[:, 5].max() < labels):
            raise ValueError(f"class {rows[:, 5].max():.0f} from a model of {labels} labels")
        n = self._take(slot, message["n"])
        if n is None:
            return []
        seen = Detections(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32))
        self.counters.runs += 1
        self.counters.inference_ms.append(message["infer_ms"])
        return [Done(slot, n, seen, message["start"], message["infer_ms"])]

    def _on_error(self, message: Message) -> list[Done]:
        n = self._take(int(message["slot"]), message["n"])
        if n is None:
            return []
        self.counters.errors += 1
        text = str(message["text"])
        if text != self._complaint:  # once, not once per frame
            self._complaint = text
            log.warning("%s: %s", self.spec.id, text, extra={"ENGINE": self.spec.id})
        if not message.get("retriable"):
            self._doomed = text  # this frame's answer goes out first, then `advance` replaces the worker
        return [Done(int(message["slot"]), n, Unknown(text))]

    def _take(self, slot: int, n: int) -> int | None:
        """The running job of `slot`, or None for an answer to a job it does not hold."""
        if self._running.get(slot, (None,))[0] != n:
            return None
        del self._running[slot]
        self.free.append(slot)
        return n

    def _fail(self, now: float, cause: str) -> list[Done]:
        lost = [Done(slot, n, Unknown(f"engine: {cause}")) for slot, (n, _) in self._running.items()]
        if self.serving and now - self._serving_since > _HEALTHY_AFTER:
            self._backoff.reset()
            self._failed = False
        self.counters.restarts += 1
        self.close(grace=0.0)
        self._doomed = ""
        # The first replacement starts at once: every moment without an engine is a blind one.
        self._retry_at = now + self._backoff.delay() if self._failed else now
        self._failed = True
        self._deadline = float("inf")
        self._set("failed", cause)
        log.error(
            "%s failed: %s; starting it again in %.1f s", self.spec.id, cause, self._retry_at - now,
            extra={"ENGINE": self.spec.id},
        )  # fmt: skip
        return lost

    def _set(self, state: Literal["loading", "serving", "failed"], cause: str) -> None:
        if (state, cause) != (self.status.state, self.status.cause):
            device = str(self.info.get("device", self.spec.device or ""))
            self.status = EngineStatus(self.spec.id, state, self.spec.backend, device, cause, time.time())
            self._on_status(self.status)


def _close_unwanted(future: Future[WorkerProcess]) -> None:
    """A worker that was asked for and started after its engine was closed."""
    if future.exception() is None:
        future.result().close(0.0)
