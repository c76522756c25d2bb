"""What is kept of a measurement, and what is not measured again. The contract tests have the child that measures."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from backends import tuning, worker
from backends.contract import Device, EngineError, EngineInfo, Output
from backends.testing.model import boxes_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from backends.artifact import Artifact
    from backends.contract import Engine

ENTRY = ("openvino", "backends.openvino:OpenVINO")


class Bench:
    """Stands for the measuring child; counts how often it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.error: Exception | None = None
        monkeypatch.setattr(tuning, "measure", self._measure)

    def _measure(self, *_: object) -> Sequence[tuning.Measured]:
        self.asked += 1
        if self.error:
            raise self.error
        return [tuning.Measured(mode, "f32", 1, fps, 1.0, 1.0, "cpu", "1") for mode, fps in SPEEDS.items()]


SPEEDS = {"latency": 10.0, "throughput": 15.0}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    return boxes_model(tmp_path)


def test_what_was_measured_is_not_measured_again(bench: Bench, artifact: Artifact) -> None:
    for _ in range(2):
        assert tuning.mode_speeds(ENTRY, artifact, {"threads": None}, ("cpu",)) == SPEEDS
    assert bench.asked == 1


def test_two_models_of_one_folder_that_are_measured_at_once_are_both_kept(
    monkeypatch: pytest.MonkeyPatch, bench: Bench, artifact: Artifact, tmp_path: Path
) -> None:
    other = boxes_model(tmp_path, name="other", width=160)

    def first(*_: object) -> Sequence[tuning.Measured]:
        monkeypatch.setattr(tuning, "measure", bench._measure)
        assert tuning.mode_speeds(ENTRY, other, {}, ()) == SPEEDS
        return bench._measure()

    monkeypatch.setattr(tuning, "measure", first)
    for one in (artifact, other):
        assert tuning.mode_speeds(ENTRY, one, {}, ()) == SPEEDS
    assert bench.asked == 2


def test_a_folder_that_takes_no_file_costs_a_measurement_and_not_the_engine(bench: Bench, artifact: Artifact) -> None:
    """Its parent is a file, so that also root can neither write there nor remove anything."""
    nowhere = replace(artifact, path=artifact.path / artifact.path.name)
    for _ in range(2):
        assert tuning.mode_speeds(ENTRY, nowhere, {"threads": None}, ("cpu",)) == SPEEDS
    assert bench.asked == 2


def test_a_model_too_slow_to_be_measured_is_not_tried_at_each_start(bench: Bench, artifact: Artifact) -> None:
    bench.error = tuning.TooSlow("measuring tiny took more than 60 s")
    for _ in range(2):
        with pytest.raises(EngineError, match="took more than 60 s"):
            tuning.mode_speeds(ENTRY, artifact, {"threads": None}, ("cpu",))
    assert bench.asked == 1


def test_it_is_tried_again_after_a_day(bench: Bench, artifact: Artifact) -> None:
    bench.error = tuning.TooSlow("slow")
    with pytest.raises(tuning.TooSlow):
        tuning.mode_speeds(ENTRY, artifact, {"threads": None}, ("cpu",))
    record = artifact.path.parent / "tuning.json"
    ((key, kept),) = json.loads(record.read_text()).items()
    record.write_text(json.dumps({key: {**kept, "at": kept["at"] - 25 * 3600}}))
    bench.error = None
    assert tuning.mode_speeds(ENTRY, artifact, {"threads": None}, ("cpu",)) == SPEEDS


def test_a_measurement_that_was_killed_is_tried_at_the_next_start(bench: Bench, artifact: Artifact) -> None:
    bench.error = EngineError("measuring tiny failed: killed by SIGKILL")
    with pytest.raises(EngineError):
        tuning.mode_speeds(ENTRY, artifact, {"threads": None}, ("cpu",))
    bench.error = None
    assert tuning.mode_speeds(ENTRY, artifact, {"threads": None}, ("cpu",)) == SPEEDS


def test_measuring_ends_well_before_the_daemon_takes_the_load_for_hung() -> None:
    assert tuning._MODES_TIMEOUT <= worker._OPEN_SECONDS / 2


class Slow:
    """A backend whose runs take `seconds` on a clock that only they move."""

    @dataclass
    class options:  # noqa: N801 - a backend's attribute
        mode: str = ""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.now, self.runs, self._seconds = 0.0, 0, seconds
        self.info = EngineInfo("slow", "d", "1", "f32", 1, False, (Output("boxes", (1, 1, 6), "float32"),))
        monkeypatch.setattr(tuning, "time", SimpleNamespace(monotonic=lambda: self.now))

    def probe(self) -> list[Device]:
        return [Device("d", "d")]

    def load(self, *_: object) -> Slow:
        return self

    def run(self, _image: object) -> None:
        self.runs += 1
        self.now += self._seconds

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("seconds", "runs"), [(0.3, 1 + 3 * 2 * 4), (3.0, 1 + 2 * 2 * 4), (4.0, 1 + 2 * 4)])
def test_a_slow_model_has_fewer_rounds(
    monkeypatch: pytest.MonkeyPatch, artifact: Artifact, seconds: float, runs: int
) -> None:
    slow = Slow(monkeypatch, seconds)
    rows = tuning._measure_all(slow, artifact, [{"mode": "latency"}, {"mode": "throughput"}], 60.0)
    assert [row.fps for row in rows] == [round(1 / seconds, 1)] * 2
    assert slow.runs == runs


def test_one_that_cannot_be_measured_in_time_is_given_up_at_its_first_run(
    monkeypatch: pytest.MonkeyPatch, artifact: Artifact
) -> None:
    slow = Slow(monkeypatch, 6.0)
    with pytest.raises(tuning.TooSlow, match=r"one run takes 6\.0 s, too long to compare modes within 60 s"):
        tuning._measure_all(slow, artifact, [{"mode": "latency"}, {"mode": "throughput"}], 60.0)
    assert slow.runs == 1


class Failing:
    """An engine of two streams, of which each run from the one of that number on fails."""

    info = SimpleNamespace(streams=2)

    def __init__(self, number: int) -> None:
        self._number = number
        self._runs = count(1)

    def run(self, _image: object) -> None:
        if next(self._runs) >= self._number:
            raise EngineError("the device is gone")


def test_a_run_that_fails_is_no_lower_speed() -> None:
    with pytest.raises(EngineError, match="the device is gone"):
        tuning.run_busy(cast("Engine", Failing(6)), 8, 8, 0.1)
