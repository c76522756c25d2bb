"""Every installed backend behind the real worker process: protocol, order, deadlines, death."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.dispatch import engine as engine_module
from agent.dispatch import recovery
from agent.dispatch.engine import RemoteEngine
from agent.dispatch.result import Done
from agent.dispatch.spec import EngineSpec
from backends.artifact import Artifact
from backends.detections import Detections, Unknown
from backends.models.resolve import open_artifact
from backends.registry import Registered
from tests.contract.backends.models import boxes_model
from tests.support.rig import spawn

ENTRY = "backends.openvino:OpenVINO"


class Driven:
    """A RemoteEngine and the little loop a dispatcher runs around it."""

    def __init__(self, artifact: Artifact, entry_point: str = ENTRY, **options: object) -> None:
        program = Registered("test", entry_point, "")
        settings = {"mode": "latency", "threads": 1, **options}
        spec = EngineSpec("test", program, (artifact,), settings, expected=False)
        self.engine = RemoteEngine(spec, spawn)
        self.states: list[str] = []
        self.n = 0

    def step(self) -> list[Done]:
        fds = self.engine.filenos()
        readable = select.select(fds, [], [], 0.05)[0] if fds else []
        done = []
        for some in (lambda: self.engine.receive(time.monotonic(), readable), self._advance):
            done += some()
            if self.states[-1:] != [self.engine.state]:
                self.states.append(self.engine.state)
        return done

    def _advance(self) -> list[Done]:
        return self.engine.advance(time.monotonic())

    def turn(self, until: Callable[[], bool], seconds: float = 30) -> list[Done]:
        done: list[Done] = []
        deadline = time.monotonic() + seconds
        while not until() and not (done and until()):
            assert time.monotonic() < deadline, f"not within {seconds} s: {self.states}"
            done += self.step()
        return done

    def serve(self) -> None:
        self.turn(lambda: self.engine.serving)

    def submit(self, color: tuple[int, int, int]) -> int:
        slot = self.engine.slots.free.pop()
        self.engine.image(slot)[:] = color
        self.n += 1
        self.engine.submit(slot, self.n, 0.0, time.monotonic())
        return self.n

    def answers(self, count: int, seconds: float = 30) -> list[Done]:
        done: list[Done] = []
        deadline = time.monotonic() + seconds
        while len(done) < count:
            assert time.monotonic() < deadline
            done += self.step()
        return done

    @property
    def pid(self) -> int:
        worker = self.engine._worker
        assert worker is not None
        return worker.pid


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return boxes_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def driven(artifact: Artifact) -> Iterator[Driven]:
    one = Driven(artifact)
    one.serve()
    yield one
    one.engine.close(0.5)


def test_the_answer_belongs_to_the_image(driven: Driven) -> None:
    assert driven.engine.streams == 1
    assert len(driven.engine.slots.free) == 2  # streams + 1 slots
    expected = {driven.submit((51, 102, 204)): (0.2, 0.4, 0.8), driven.submit((102, 51, 255)): (0.4, 0.2, 1.0)}
    for done in driven.answers(2):
        x1, y1, confidence = expected[done.n]
        assert isinstance(done.seen, Detections)
        np.testing.assert_allclose(done.seen.xyxy[0], [x1 * 96, y1 * 64, 96, 64], rtol=1e-3)
        np.testing.assert_allclose(done.seen.confidence, [confidence], rtol=1e-3)
        assert done.inference_ms > 0
        assert done.started <= time.monotonic()


def test_streams_overlap(tmp_path: Path) -> None:
    one = Driven(boxes_model(tmp_path, busy=4), mode="throughput", threads=2)
    one.serve()
    try:
        assert one.engine.streams == 2
        started = time.monotonic()
        for _ in range(2):
            one.submit((10, 20, 30))
        runs = one.answers(2)
        starts = sorted(done.started for done in runs)
        assert starts[1] - starts[0] < runs[0].inference_ms / 1e3
        assert starts[0] >= started
    finally:
        one.engine.close(0.5)


def test_more_streams_than_there_may_be_slots_for(artifact: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a large server's CPU has."""
    monkeypatch.setenv("VEDETTE_FAKE", '{"streams": 200, "formats": ["openvino"]}')
    one = Driven(artifact, "backends.testing.fake:Fake")
    one.serve()
    try:
        assert (one.engine.streams, len(one.engine.slots.free)) == (63, 64)
        sent = [one.submit((1, 2, 3)) for _ in range(64)]
        assert sorted(done.n for done in one.answers(64)) == sent
    finally:
        one.engine.close(0.5)


def test_a_killed_worker_is_replaced_and_what_was_in_flight_is_unknown(driven: Driven) -> None:
    os.kill(driven.pid, signal.SIGSTOP)
    n = driven.submit((1, 2, 3))
    os.kill(driven.pid, signal.SIGKILL)
    (lost,) = driven.answers(1)
    assert lost.n == n
    assert lost.seen == Unknown("engine: killed by SIGKILL, as when memory runs out")
    driven.serve()
    driven.submit((51, 51, 51))
    assert isinstance(driven.answers(1)[0].seen, Detections)
    assert driven.states == ["resting", "loading", "serving", "failed", "loading", "serving"]


def test_a_hung_worker_is_killed_at_its_deadline(artifact: Artifact) -> None:
    one = Driven(artifact)
    one.serve()
    one.engine.slots.seconds = 0.3
    try:
        pid = one.pid
        os.kill(pid, signal.SIGSTOP)
        one.submit((1, 2, 3))
        (lost,) = one.answers(1, seconds=5)
        assert isinstance(lost.seen, Unknown)
        assert not Path(f"/proc/{pid}").exists()
        one.serve()
    finally:
        one.engine.close(0.5)


def test_a_worker_that_hangs_while_loading_is_killed(artifact: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Driven(artifact)
    one.turn(lambda: one.engine._worker is not None)
    monkeypatch.setattr(engine_module, "HELLO_SECONDS", 0.3)
    monkeypatch.setattr(engine_module, "LOAD_SECONDS", 0.3)
    os.kill(one.pid, signal.SIGSTOP)
    one.engine._deadline = time.monotonic() + 0.3
    try:
        one.turn(lambda: "failed" in one.states, seconds=5)
    finally:
        one.engine.close(0.5)


def test_slots_for_which_there_is_no_room_are_the_engines_failure(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Driven(artifact)
    with monkeypatch.context() as patch:
        patch.setattr("agent.dispatch.worker.mmap.mmap", no_room)
        one.turn(lambda: "failed" in one.states)
    try:
        assert one.engine.cause == "no memory can be shared with it: Cannot allocate memory"
        one.serve()
    finally:
        one.engine.close(0.5)


def no_room(*_: object) -> None:
    raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


@pytest.mark.parametrize(
    ("entry_point", "cause"),
    [
        ("backends.nowhere:Backend", "No module named 'backends.nowhere'"),
        ("json:loads", "missing 1 required positional argument"),
    ],
)
def test_a_broken_backend_is_a_cause_not_a_crash(artifact: Artifact, entry_point: str, cause: str) -> None:
    one = Driven(artifact, entry_point)
    try:
        one.turn(lambda: one.engine.state == "absent")
        assert cause in one.engine.cause
    finally:
        one.engine.close(0.5)


def test_a_file_that_is_no_model_is_a_cause(artifact: Artifact, tmp_path: Path) -> None:
    (tmp_path / "model.xml").write_text("<net>nonsense")
    one = Driven(replace(artifact, path=tmp_path / "model.xml"))
    try:
        one.turn(lambda: "failed" in one.states)
        assert "model.xml: OpenVINO cannot read it" in one.engine.cause
    finally:
        one.engine.close(0.5)


@pytest.mark.parametrize(
    "answer",
    [
        '{"op":"error","text":"out of memory","retriable":false}',
        "nonsense",
        '{"op":"done"}',
        '{"op":"done","slot":SLOT,"n":N,"count":0,"start":0.0}',
        '{"op":"done","slot":SLOT,"n":N,"count":0,"start":null,"infer_ms":1.0}',
        '{"op":"done","slot":SLOT,"n":N,"count":0,"start":0.0,"infer_ms":1e999}',
        '{"op":"done","slot":SLOT,"n":N,"count":301,"start":0.0,"infer_ms":1.0}',
        '{"op":"error","slot":SLOT,"n":N,"retriable":true}',
        '{"op":"error","slot":SLOT,"n":N,"text":"","retriable":false}',
        '{"op":"refused","text":"not any more"}',
        '{"op":"hello","version":1,"pid":1}',
        pytest.param('{"op":"telemetry","values":' + 20_000 * "[", id="deep"),
    ],
)
def test_whatever_a_worker_says_no_job_is_forgotten(driven: Driven, answer: str) -> None:
    """Messages a healthy worker never sends, put into its own pipe."""
    os.kill(driven.pid, signal.SIGSTOP)
    slot = driven.engine.slots.free[-1]
    n = driven.submit((1, 2, 3))
    put_into(driven.pid, answer.replace("SLOT", str(slot)).replace("N,", f"{n},"))
    (lost,) = driven.answers(1)
    assert lost.n == n
    assert isinstance(lost.seen, Unknown)
    driven.serve()


def test_an_engine_that_fails_every_frame_is_given_up_though_it_says_that_the_next_may_work(driven: Driven) -> None:
    """And an answer between two errors keeps it."""
    pid, engine = driven.pid, driven.engine
    os.kill(pid, signal.SIGSTOP)
    now = time.monotonic()

    def answered(after: float, op: str, **words: object) -> Detections | Unknown:
        slot = engine.slots.free[-1]
        put_into(pid, json.dumps({"op": op, "slot": slot, "n": driven.submit((1, 2, 3)), **words}))
        (done,) = engine.receive(now + after, engine.filenos()[:1])
        return done.seen

    error = {"op": "error", "text": "out of memory", "retriable": True}
    for after in (0.0, 0.5):
        assert answered(after, **error) == Unknown("out of memory")
    assert isinstance(answered(0.9, "done", count=0, start=now, infer_ms=1.0), Detections)
    for after in (1.0, 1.1, 1.2, 1.9):
        answered(after, **error)
        assert engine.advance(now + after) == []
        assert engine.serving
    answered(2.0, **error)
    assert engine.advance(now + 2.0) == []
    assert (engine.state, engine.cause) == ("failed", "out of memory (5 times in a row)")
    driven.serve()


def test_a_worker_that_says_so_may_open_its_device_again_in_a_run(driven: Driven) -> None:
    engine = driven.engine
    os.kill(driven.pid, signal.SIGSTOP)
    slot, n, now = engine.slots.free[-1], driven.submit((1, 2, 3)), time.monotonic()
    put_into(driven.pid, '{"op":"progress","phase":"open","done":0.2,"within":60}')
    assert engine.receive(now, engine.filenos()[:1]) == []
    assert engine.advance(now + 59) == []
    put_into(driven.pid, json.dumps({"op": "error", "slot": slot, "n": n, "text": "once", "retriable": True}))
    assert len(engine.receive(now + 59, engine.filenos()[:1])) == 1
    assert engine.advance(now + 1000) == []  # nothing is awaited any more
    assert engine.serving
    driven.submit((1, 2, 3))
    due = engine.slots.next_deadline()
    assert due <= time.monotonic() + engine.slots.seconds
    assert len(engine.advance(due)) == 1


def put_into(pid: int, *lines: str) -> None:
    """As if the worker had said them."""
    replies = os.open(f"/proc/{pid}/fd/{replies_of(pid)}", os.O_WRONLY)
    os.write(replies, "".join(f"{line}\n" for line in lines).encode())
    os.close(replies)


def replies_of(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return words[words.index("--replies") + 1]


def test_a_model_that_was_replaced_is_not_run_under_the_labels_of_the_former(tmp_path: Path) -> None:
    path = boxes_model(tmp_path).path
    path.with_suffix(".yaml").write_text("family: boxes\nlabels: [thing]\n")
    one = Driven(open_artifact(path))
    try:
        one.serve()
        path.touch()
        path.write_bytes(path.read_bytes())  # as it was, whatever its times say
        os.kill(one.pid, signal.SIGKILL)
        one.turn(lambda: not one.engine.serving)
        one.serve()
        boxes_model(tmp_path, busy=1)
        os.kill(one.pid, signal.SIGKILL)
        one.turn(lambda: "changed" in one.engine.cause)
        expected = f"{path}: the model has changed since it was read; vedette reload takes the new one"
        assert one.engine.cause == expected
        assert one.engine._recovery.retry_at > time.monotonic()  # a failure like any other: the wait grows
    finally:
        one.engine.close(0.5)


def test_nothing_is_left_after_many_deaths(artifact: Artifact) -> None:
    """Descriptors, processes and shared memory."""
    one = Driven(artifact)
    one.serve()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        pid = one.pid
        os.kill(pid, signal.SIGKILL)
        one.turn(lambda: not one.engine.serving)
        one.engine._recovery.retry_at = 0.0  # the backoff is another test's
        one.serve()
        assert not Path(f"/proc/{pid}").exists()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    one.engine.close(0.5)
    mapped = Path("/proc/self/maps").read_text()
    assert mapped.count("vedette-test") <= 1  # the last one's slots, until the collector comes


def test_retries_back_off(artifact: Artifact, tmp_path: Path) -> None:
    one = Driven(replace(artifact, path=tmp_path / "away.xml"))
    waits = []
    try:
        for _ in range(6):
            restarts = one.engine.counters.restarts
            one.turn(lambda: one.engine.counters.restarts > restarts)  # noqa: B023
            waits.append(one.engine._recovery.retry_at - time.monotonic())
            one.engine._recovery.retry_at = 0.0
    finally:
        one.engine.close(0.5)
    assert waits[0] <= 0
    assert waits[5] > waits[1] > 0
    assert max(waits) <= recovery.FAILED_MOST


def test_one_that_is_not_here_is_looked_for_ever_less_often(artifact: Artifact) -> None:
    one = Driven(artifact, "backends.nowhere:Backend")
    waits = []
    try:
        for _ in range(9):
            one.turn(lambda: one.engine.state == "absent" and one.engine._worker is None)
            waits.append(one.engine._recovery.retry_at - time.monotonic())
            one.engine._recovery.retry_at = 0.0
            one.turn(lambda: one.engine._worker is not None)
    finally:
        one.engine.close(0.5)
    assert 0 < waits[0] < waits[8] <= recovery.ABSENT_MOST
