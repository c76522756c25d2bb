"""The ladder with real workers, and engines that fail in every way. Proves nothing of a real chip or its driver."""

from __future__ import annotations

import gc
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.capture.frame import Frame, Picture
from agent.capture.mailbox import Mailbox
from agent.dispatch import recovery
from agent.dispatch.dispatcher import Dispatcher
from agent.dispatch.ladder import Ladder
from agent.dispatch.lane import Lane
from agent.dispatch.result import EngineStatus, Result
from agent.dispatch.spec import EngineSpec
from agent.dispatch.worker import reap
from agent.perception.scene import Scene
from agent.perception.settings import LabelRule, Settings
from agent.runtime.faults import engine_faults
from backends.artifact import Artifact
from backends.detections import Detections, Unknown
from backends.registry import Registered
from backends.testing.model import boxes_model
from tests.support.brokers import wait_for
from tests.support.processes import descriptors_of, zombies_of
from tests.support.rig import spawn

DEADLINE = 0.5
CHIP = Registered("chip", "backends.testing.fake:Fake", "")
CPU = Registered("cpu", "backends.testing.fake:Fake2", "")


class Rig:
    """A camera of 50 frames a second before a ladder of two engines."""

    def __init__(self, folder: Path, *, warm: bool = True, expected: bool = True) -> None:
        self.script = {"chip": folder / "chip.json", "cpu": folder / "cpu.json"}
        small, large = boxes_model(folder, name="small"), boxes_model(folder, name="large", height=96, width=128)
        self.files: dict[str, Artifact] = {"chip": small, "cpu": large}
        self.say("chip", deadline=DEADLINE)
        self.say("cpu")
        self.told: list[tuple[str, EngineStatus | None]] = []
        specs = [
            EngineSpec("chip", CHIP, (small,), {}, expected=expected),
            EngineSpec("cpu", CPU, (large,), {}),
        ]
        self.ladder = Ladder(specs, spawn, lambda engine, status: self.told.append((engine, status)), warm=warm)
        self.lane = Lane(
            "yard", Mailbox(self._wake, wait=False), Scene(Settings({0: LabelRule(0.0)})), 0, live=True, floor=0.0
        )
        self.dispatcher = Dispatcher("small", self.ladder, [self.lane], self._hear)
        self.results: list[tuple[float, Result]] = []
        self._stop = threading.Event()
        self._camera = threading.Thread(target=self._film, daemon=True)

    def say(self, engine: str, **script: object) -> None:
        """Whole at once: the engine may read it at any moment."""
        part = self.script[engine].with_suffix(".part")
        part.write_text(json.dumps({"deadline": DEADLINE, **script}))
        part.replace(self.script[engine])

    def start(self) -> None:
        self.dispatcher.start()
        self._camera.start()

    def stop(self) -> None:
        self._stop.set()
        self._camera.join(5)
        self.dispatcher.stop()
        assert self.dispatcher.join(5)

    def _wake(self) -> None:
        self.dispatcher.frame_came()

    def _hear(self, result: Result) -> None:
        self.results.append((time.monotonic(), result))

    def _film(self) -> None:
        index = 0
        while not self._stop.wait(0.02):
            picture = Picture(np.full((48, 64), 128, np.uint8), None, None, None, False, None)
            now = time.monotonic()
            self.lane.mailbox.put(Frame("yard", index, picture, 64, 48, 0, time.time(), now, float(index)), 0)
            index += 1

    def seen_by(self, backend: str, since: float = 0.0) -> list[float]:
        return [at for at, r in list(self.results) if at > since and r.backend == backend]

    def until(self, backend: str, seconds: float = 20) -> float:
        """Waits for frames that this backend looked at from now on; returns the longest time without any result."""
        since = time.monotonic()
        while len(self.seen_by(backend, since)) < 5:
            assert time.monotonic() < since + seconds, (self.told[-6:], [r.facts.seen for _, r in self.results[-3:]])
            time.sleep(0.01)
            reap(time.monotonic())
        inferred = [at for at, r in list(self.results) if isinstance(r.facts.seen, Detections) and at > since - 0.1]
        return float(np.diff([since, *inferred]).max())


@pytest.fixture
def rigs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Rig]]:
    monkeypatch.setenv("VEDETTE_FAKE", str(tmp_path / "chip.json"))
    monkeypatch.setenv("VEDETTE_FAKE2", str(tmp_path / "cpu.json"))
    monkeypatch.setattr(recovery, "FAILED_MOST", 0.3)  # its growth is another test's
    made: list[Rig] = []
    yield made
    for rig in made:
        rig.stop()


@pytest.fixture
def rig(rigs: list[Rig], tmp_path: Path) -> Rig:
    rigs.append(Rig(tmp_path))
    rigs[0].start()
    rigs[0].until("chip")
    return rigs[0]


@pytest.mark.parametrize("run", ["abort", "kill", "exit", "hang", "error"])
def test_whatever_the_chip_does_the_next_engine_takes_over_and_the_chip_comes_back(rig: Rig, run: str) -> None:
    rig.until("chip")
    while rig.ladder.rungs[1].state != "serving":
        time.sleep(0.01)
    rig.told.clear()
    rig.say("chip", run=run, open="error")
    gap = rig.until("cpu")
    assert gap <= DEADLINE + 1
    states = [status.state for engine, status in rig.told if engine == "cpu" and status]
    assert states[-1] == "degraded"
    degraded = rig.ladder.statuses["cpu"]
    assert degraded.cause.startswith("chip: ")
    assert rig.ladder.statuses["chip"].state in {"failed", "loading"}
    rig.say("chip")
    assert rig.until("chip") <= 1
    assert rig.told[-1] == ("cpu", None) or "cpu" not in rig.ladder.statuses
    assert rig.ladder.statuses["chip"].state == "serving"
    indices = [r.frame.index for _, r in rig.results]
    assert indices == sorted(indices)


def test_a_chip_that_is_gone_has_no_temperature(rigs: list[Rig], tmp_path: Path) -> None:
    """Else `health` would go on telling the last one as if it were now."""
    rig = Rig(tmp_path)
    rigs.append(rig)
    chip = rig.ladder.rungs[0]
    rig.say("chip", telemetry={"temperature_c": 61.5})
    rig.start()
    rig.until("chip")
    assert chip.telemetry == {"temperature_c": 61.5}
    rig.say("chip", run="abort", open="error")
    rig.until("cpu")
    assert chip.telemetry == {}


def test_each_engine_gets_pictures_of_its_own_size_and_says_which_file_it_used(rig: Rig) -> None:
    rig.say("chip", run="abort", open="error")
    rig.until("cpu")
    assert {(r.backend, r.rev) for _, r in rig.results if isinstance(r.facts.seen, Detections)} == {
        (name, artifact.rev) for name, artifact in rig.files.items()
    }
    boxes = np.stack([r.facts.seen.xyxy[0] for _, r in rig.results if isinstance(r.facts.seen, Detections)])
    np.testing.assert_allclose(boxes, np.broadcast_to(boxes[0], boxes.shape), atol=0.01)


def test_a_cold_one_is_started_when_it_is_needed_and_rests_again(rigs: list[Rig], tmp_path: Path) -> None:
    rig = Rig(tmp_path, warm=False)
    rigs.append(rig)
    rig.start()
    rig.until("chip")
    while rig.ladder.rungs[1].state != "resting":
        time.sleep(0.01)
    rig.say("chip", run="abort", open="error")
    rig.until("cpu")
    assert ("cpu", "loading") in [(engine, status and status.state) for engine, status in rig.told]
    rig.say("chip")
    rig.until("chip")
    while rig.ladder.rungs[1].state != "resting":
        time.sleep(0.01)
    assert rig.ladder.rungs[1].filenos() == ()


@pytest.mark.parametrize("expected", [True, False])
def test_a_chip_that_is_not_there_is_a_fault_only_where_somebody_counts_on_it(
    rigs: list[Rig], tmp_path: Path, expected: bool
) -> None:
    rig = Rig(tmp_path, expected=expected)
    rigs.append(rig)
    rig.say("chip", open="unavailable")
    rig.start()
    rig.until("cpu")
    while rig.ladder.rungs[0].state != "absent":
        time.sleep(0.01)
    time.sleep(0.1)
    assert rig.ladder.statuses["cpu"].state == ("degraded" if expected else "serving")
    assert ("chip" in rig.ladder.statuses) is expected


def test_what_is_not_there_is_not_blamed_while_the_one_that_is_loads(rigs: list[Rig], tmp_path: Path) -> None:
    rig = Rig(tmp_path, expected=False)
    rigs.append(rig)
    rig.say("chip", open="unavailable")
    rig.say("cpu", open="slow:1.5")
    rig.start()
    while rig.ladder.rungs[0].state != "absent":
        time.sleep(0.01)
    time.sleep(0.2)
    assert rig.ladder.current is rig.ladder.rungs[1]
    assert not [status for engine, status in rig.told if engine == "chip" and status and status.state == "failed"]
    rig.until("cpu")


def test_a_hang_at_open_costs_nothing_while_another_serves(rig: Rig) -> None:
    rig.say("chip", run="abort", open="hang")
    rig.until("cpu")
    time.sleep(0.5)
    assert rig.ladder.rungs[0].state == "loading"
    assert rig.until("cpu") <= 1
    rig.ladder.rungs[0]._deadline = time.monotonic()  # of 120 s
    rig.say("chip")
    rig.until("chip")


def test_a_backend_that_refuses_all_files_has_no_rung_any_more(rigs: list[Rig], tmp_path: Path) -> None:
    rig = Rig(tmp_path, expected=False)
    rigs.append(rig)
    rig.say("chip", refuse="these are not my files")
    rig.start()
    rig.until("cpu")  # which may be there first
    wait_for(lambda: rig.ladder.rungs[0].state == "refused", 20)
    assert rig.ladder.rungs[0].cause == "these are not my files"
    assert rig.ladder.statuses["cpu"].state == "serving"
    assert rig.ladder.rungs[0].next_deadline() == float("inf")


def test_where_nobody_serves_frames_are_unknown_and_the_engine_has_no_fallback(rig: Rig) -> None:
    assert rig.ladder.statuses["chip"].fallback == "cpu"
    rig.say("cpu", run="abort", after=0, open="error")
    rig.until("chip")
    os.kill(rig.ladder.rungs[1]._worker.pid, signal.SIGKILL)  # type: ignore[union-attr]
    wait_for(lambda: "at open" in rig.ladder.rungs[1].cause, 10, "the standby does not fail")
    wait_for(lambda: rig.ladder.statuses["chip"].fallback is None, 1, "a standby that fails would take over")
    rig.say("chip", run="abort", open="error")
    since = time.monotonic()
    while not [r for at, r in rig.results if at > since + 1 and isinstance(r.facts.seen, Unknown)]:
        assert time.monotonic() < since + 10
        time.sleep(0.05)
    assert rig.ladder.statuses["chip"].state in {"failed", "loading"}
    assert not rig.ladder.serving
    assert "no other engine works" in next(iter(engine_faults([rig.ladder]).values())).hint
    rig.say("cpu")
    rig.until("cpu")


def test_nothing_is_left_of_the_dead(rig: Rig) -> None:
    """Processes, descriptors and shared memory, after deaths of both engines."""
    rig.until("chip")
    while rig.ladder.rungs[1].state != "serving":  # or what is only needed to open it would count
        time.sleep(0.01)
    gc.collect()  # what earlier tests have left in circles
    descriptors = descriptors_of(os.getpid())
    for _ in range(8):
        for rung in rig.ladder.rungs:
            worker = rung._worker
            if worker is not None:
                os.kill(worker.pid, signal.SIGKILL)
        rig.until("chip")
        while rig.ladder.rungs[1].state != "serving":
            time.sleep(0.01)
    assert descriptors_of(os.getpid()) <= descriptors
    assert not zombies_of(os.getpid())
    mapped = Path("/proc/self/maps").read_text()
    assert mapped.count("memfd:vedette-") <= 4
