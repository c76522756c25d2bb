"""The fake engine does what its script says, also when the script changes while it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.registry.registered import Registered
from backends.testing.driver import Driven
from backends.testing.fake import expected_row
from backends.testing.model import boxes_model

FAKE = Registered("fake", "backends.testing.fake:Fake", "")
SIZE = np.array([96, 64, 96, 64])


class Stage:
    def __init__(self, folder: Path) -> None:
        self.script = folder / "script.json"
        self.artifact = boxes_model(folder)

    def tell(self, **script: Any) -> None:
        self.script.write_text(json.dumps(script))

    def worker(self, program: Registered = FAKE) -> Driven:
        return Driven(program, {"VEDETTE_FAKE": str(self.script)})

    def image(self, *color: int) -> np.ndarray:
        image = np.empty((64, 96, 3), np.uint8)
        image[:] = color
        return image


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_the_answer_tells_which_image_it_belongs_to(stage: Stage) -> None:
    stage.tell()
    with stage.worker() as worker:
        worker.load(stage.artifact, {}, None)
        for color in ((51, 102, 204), (0, 255, 0)):
            (rows,) = worker.run([stage.image(*color)], 5.0)
            expected = expected_row(*color)
            np.testing.assert_allclose(rows[0, :4], np.array(expected[:4]) * SIZE, rtol=1e-5)
            np.testing.assert_allclose(rows[0, 4:], expected[4:])


def test_the_script_can_change_between_two_runs(stage: Stage) -> None:
    stage.tell()
    image = stage.image(1, 2, 3)
    with stage.worker() as worker:
        worker.load(stage.artifact, {}, None)
        worker.run([image], 5.0)
        stage.tell(run="retriable")
        with pytest.raises(AssertionError, match="failed once at run"):
            worker.run([image], 5.0)
        stage.script.write_text("{")  # half written: the one before counts
        with pytest.raises(AssertionError, match="failed once at run"):
            worker.run([image], 5.0)
        stage.tell(boxes=[[0, 0, 0.5, 0.5, 0.7, 0]])
        np.testing.assert_allclose(worker.run([image], 5.0)[0], [[0, 0, 48, 32, 0.7, 0]], rtol=1e-6)


def test_after_counts_the_runs_that_go_well(stage: Stage) -> None:
    """The warm-up is the first of them."""
    stage.tell(run="error", after=3)
    with stage.worker() as worker:
        worker.load(stage.artifact, {}, None)
        for _ in range(2):
            worker.run([stage.image(0, 0, 0)], 5.0)
        with pytest.raises(AssertionError, match="failed at run"):
            worker.run([stage.image(0, 0, 0)], 5.0)
    stage.tell(run="error", after=0)
    with stage.worker() as worker:
        assert worker.load(stage.artifact, {}, None, "error")["text"] == "the fake device failed at run"


@pytest.mark.parametrize(
    ("run", "end"),
    [
        ("abort", "ended with code -6"),
        ("segv", "ended with code -11"),
        ("kill", "ended with code -9"),
        ("exit", "ended with code 3"),
        ("exit:0", "ended with code 0"),
        ("hang", "no done or error in time"),
        ("pause", "no done or error in time"),
        ("slow:0.01 garbage error", "failed at run"),
        ("hagn", "knows no act 'hagn'; there are ok, slow"),
    ],
)
def test_each_act(stage: Stage, run: str, end: str) -> None:
    stage.tell(run=run)
    with stage.worker() as worker:
        worker.load(stage.artifact, {}, None)
        with pytest.raises(AssertionError, match=end):
            worker.run([stage.image(0, 0, 0)], 0.3 if "in time" in end else 20.0)


def test_a_typo_in_the_script_is_an_error(stage: Stage) -> None:
    stage.tell(opne="hang")
    with stage.worker() as worker:
        assert "'opne'" in worker.load(stage.artifact, {}, None, "error")["text"]


def test_a_second_fake_has_a_script_of_its_own(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.tell(open="unavailable")
    monkeypatch.setenv("VEDETTE_FAKE2", '{"boxes": [[0, 0, 1, 1, 0.5, 0]]}')
    with stage.worker(Registered("fake2", "backends.testing.fake:Fake2", "")) as worker:
        assert worker.load(stage.artifact, {}, None)["info"]["backend"] == "fake2"
    with stage.worker() as worker:
        assert worker.load(stage.artifact, {}, None, "unavailable")["reason"] == "the fake device is gone at open"


def test_the_dead_let_go_of_an_exclusive_device(stage: Stage, tmp_path: Path) -> None:
    stage.tell(exclusive=str(tmp_path / "lock-"), run="kill")
    with stage.worker() as first, stage.worker() as second:
        first.load(stage.artifact, {}, None)
        assert "in use" in second.load(stage.artifact, {}, None, "unavailable")["reason"]
        with pytest.raises(AssertionError, match="code -9"):
            first.run([stage.image(0, 0, 0)], 20.0)
        second.load(stage.artifact, {}, None)
