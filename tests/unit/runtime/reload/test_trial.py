"""How long a config sent over MQTT has, and what is held against it.

Cameras, engines and the broker are doubles that only say how they are.
"""

from __future__ import annotations

from types import SimpleNamespace as Double
from typing import TYPE_CHECKING, Any

import pytest

from agent.runtime.reload.trial import LAST_S, TRIAL_S, Trial
from agent.runtime.transition import LONGEST_S

if TYPE_CHECKING:
    from collections.abc import Collection

START = 100.0


class Pipeline:
    """One camera, one model, one broker."""

    def __init__(self) -> None:
        self.state = "online"
        self.ladder = Double(serving=True, current=Double(cause="it is being loaded"))
        self.publisher = Double(connected=True, last_error=None)
        self.dispatchers = [Double(ladder=self.ladder)]
        camera = Double(enabled=True, status=lambda _: Double(state=self.state, error="no route"))
        self.cameras = {"yard": camera}

    def trial(self, excused: Collection[str] = (), **more: Any) -> Trial:
        return Trial(self, excused, START, **more)  # type: ignore[arg-type]


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


def test_it_has_its_time_and_is_kept_if_all_is_well(pipeline: Pipeline) -> None:
    trial = pipeline.trial()
    assert trial.turn(START + TRIAL_S - 0.1) is None
    assert trial.turn(START + TRIAL_S) == []


def test_what_does_not_work_is_named(pipeline: Pipeline) -> None:
    pipeline.state, pipeline.ladder.serving, pipeline.publisher.connected = "offline", False, False
    found = pipeline.trial().turn(START + TRIAL_S)
    assert found == ["mqtt: not connected", "cameras.yard: offline no route", "model: it is being loaded"]
    pipeline.ladder.serving = pipeline.publisher.connected = True
    assert pipeline.trial(["yard"]).turn(START + TRIAL_S) == []


def test_a_camera_that_is_opened_anew_just_at_the_end_is_not_held_against_it(pipeline: Pipeline) -> None:
    trial = pipeline.trial()
    assert trial.turn(START + TRIAL_S - LAST_S) is None
    pipeline.state = "connecting"
    assert trial.turn(START + TRIAL_S) == []


def test_one_that_was_well_before_that_alone_is(pipeline: Pipeline) -> None:
    trial = pipeline.trial()
    assert trial.turn(START + TRIAL_S - LAST_S - 0.1) is None
    pipeline.state = "connecting"
    assert trial.turn(START + TRIAL_S)


def test_after_a_restart_the_time_counts_from_when_the_engines_serve(pipeline: Pipeline) -> None:
    pipeline.ladder.serving = False
    trial = pipeline.trial(loading=True)
    assert trial.turn(START + 10 * TRIAL_S) is None
    pipeline.ladder.serving = True
    assert trial.turn(START + 11 * TRIAL_S) is None
    assert trial.turn(START + 12 * TRIAL_S - 0.1) is None
    assert trial.turn(START + 12 * TRIAL_S) == []


def test_but_not_for_ever(pipeline: Pipeline) -> None:
    pipeline.ladder.serving = False
    trial = pipeline.trial(loading=True)
    assert trial.turn(START + LONGEST_S) is None
    assert trial.turn(START + LONGEST_S + TRIAL_S) == ["model: it is being loaded"]
