"""What is kept of a measurement, and what is not measured again. The contract tests have the child that measures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from backends import tuning
from backends.testing.model import boxes_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from backends.artifact import Artifact

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


def test_a_folder_that_takes_no_file_costs_a_measurement_and_not_the_engine(bench: Bench, artifact: Artifact) -> None:
    """Its parent is a file, so that also root can neither write there nor remove anything."""
    nowhere = replace(artifact, path=artifact.path / artifact.path.name)
    for _ in range(2):
        assert tuning.mode_speeds(ENTRY, nowhere, {"threads": None}, ("cpu",)) == SPEEDS
    assert bench.asked == 2
