"""When an engine that failed counts as healthy again: a worker that a test plays, since only its words matter."""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from agent.dispatch import worker
from agent.dispatch.engine import RemoteEngine
from agent.dispatch.spec import EngineSpec
from backends.protocol import SlotLayout
from backends.registry import Registered
from backends.testing.model import boxes_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from backends.protocol import Message

INFO = {
    "backend": "chip",
    "device": "d",
    "version": "1",
    "precision": "f32",
    "streams": 1,
    "notes": [],
    "deadline": 5.0,
}
READY = {
    "op": "ready",
    "info": INFO,
    "input": {"height": 64, "width": 96},
    "slots": 2,
    "bytes": SlotLayout(64, 96, 2).size,
}


class Played:
    """Answers what it is told to."""

    def __init__(self) -> None:
        self.words: list[Message] = [{"op": "hello", "version": 1, "pid": 1}, READY, {"op": "mapped"}]

    def filenos(self) -> Sequence[int]:
        return (0,)

    def receive(self) -> list[Message]:
        words, self.words = self.words, []
        return words

    def map_slots(self, layout: SlotLayout) -> None:
        self.images = [np.zeros((64, 96, 3), np.uint8)] * layout.slots
        self.results = [np.zeros((300, 6), np.float32)] * layout.slots

    def send(self, *_: object, **_more: object) -> None:
        pass

    def run(self, slot: int, n: int, _floor: float) -> None:
        self.words = [{"op": "done", "slot": slot, "n": n, "count": 0, "start": 0.0, "infer_ms": 1.0}]

    def close(self, _grace: float) -> None:
        pass


class Life:
    """One engine on a clock of its own."""

    def __init__(self, folder: Path) -> None:
        spec = EngineSpec("chip", Registered("chip", "x:Chip", ""), (boxes_model(folder),), {})
        self.engine = RemoteEngine(spec, self._spawn)
        self.now, self.n = time.monotonic(), 0

    def _spawn(self, _program: Registered) -> Future[Any]:
        future: Future[Any] = Future()
        self.worker = Played()
        future.set_result(self.worker)
        return future

    def turn(self) -> None:
        self.engine.receive(self.now, (0,))
        self.engine.advance(self.now)

    def fail(self, frames: int, apart: float, idle: float) -> float:
        """Loads, answers so many frames, stands idle, and fails the next frame. Returns how long it then waits."""
        self.now = max(self.now, self.engine._recovery.retry_at)
        for _ in range(4):
            self.turn()
        assert self.engine.serving, self.engine.cause
        for _ in range(frames):
            self.n += 1
            self.engine.submit(0, self.n, 0.0, self.now)
            self.turn()
            self.now += apart
        self.now += idle
        self.worker.words = [{"op": "error", "text": "the device is gone", "retriable": False}]
        self.engine.receive(self.now, (0,))
        return self.engine._recovery.retry_at - self.now


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return Life(tmp_path)


@pytest.mark.parametrize(("frames", "apart"), [(0, 0.0), (1, 0.0), (8, 1.0)])
def test_standing_idle_is_no_proof_of_health(life: Life, frames: int, apart: float) -> None:
    """With a quiet camera each first frame would go to the broken one, for ever."""
    waits = [life.fail(frames, apart, idle=60.0) for _ in range(8)]
    assert waits[0] <= 0
    assert 0 < waits[1] < 1.0
    assert waits[7] >= 15.0


def test_one_that_answered_for_a_while_starts_anew_at_once(life: Life) -> None:
    for _ in range(3):
        life.fail(0, 0.0, idle=1.0)
    assert life.fail(12, 1.0, idle=0.0) <= 0
    assert 0 < life.fail(0, 0.0, idle=60.0) < 1.0


@pytest.mark.parametrize("error", [OSError("no more processes"), ValueError("embedded null byte"), MemoryError()])
def test_whatever_keeps_a_worker_from_starting_is_a_cause(life: Life, error: Exception) -> None:
    """Raised on the dispatch thread it would end all engines of the model."""
    future: Future[Any] = Future()
    future.set_exception(error)
    life.engine._spawn = lambda _program: future
    for _ in range(2):
        life.engine.advance(life.now)
    assert life.engine.state == "failed"
    assert life.engine.cause == f"cannot start a worker process: {str(error) or 'MemoryError'}"


class Stuck:
    """A process in an uninterruptible system call, as far as its parent can tell."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code

    def kill(self) -> None:
        pass


def test_no_third_worker_is_started_beside_two_that_do_not_die(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Stuck(11), Stuck(12)
    monkeypatch.setattr(worker, "_LEAVING", [(first, "chip", 0.0), (second, "chip", 0.0), (Stuck(13), "other", 0.0)])
    started = []
    life.engine._spawn = lambda program: started.append(program) or Future()
    for _ in range(20):
        life.engine.advance(life.now)
        life.now += 1.0
    assert not started
    assert life.engine.state == "failed"
    assert "2 former workers do not end though killed (pid 11, 12)" in life.engine.cause
    second.code = -9
    life.now = life.engine._recovery.retry_at
    life.engine.advance(life.now)
    assert len(started) == 1


def test_one_that_was_only_asked_to_go_keeps_nobody_waiting(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    going = [(Stuck(pid), "chip", life.now + 2.0) for pid in (11, 12)]
    monkeypatch.setattr(worker, "_LEAVING", going)
    life.engine.advance(life.now)
    assert life.engine.state == "loading"
