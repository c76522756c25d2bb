"""What a worker may say, and what no healthy one does."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import numpy as np
import pytest

from agent.dispatch import answers
from backends.detections import Unknown
from backends.protocol import MAX_DETECTIONS, SlotLayout

RESULTS = [np.zeros((MAX_DETECTIONS, 6), np.float32)] * 2
DONE = {"op": "done", "slot": 1, "n": 7, "count": 0, "start": 3.5, "infer_ms": 1.5}


def ready(streams: int = 1, slots: int = 2, **info: Any) -> dict[str, Any]:
    size = SlotLayout(64, 96, slots).size
    told = {"streams": streams, "deadline": 2.0, **info}
    return {"op": "ready", "info": told, "input": {"height": 64, "width": 96}, "slots": slots, "bytes": size}


def test_a_ready_engine() -> None:
    told = answers.ready(ready(63, 64))
    assert (told.layout, told.streams, told.seconds) == (SlotLayout(64, 96, 64), 63, 2.0)


@pytest.mark.parametrize(("said", "meant"), [(0.001, 0.1), (1e9, 60.0)])
def test_a_run_may_take_neither_no_time_nor_for_ever(said: float, meant: float) -> None:
    assert answers.ready(ready(deadline=said)).seconds == meant


@pytest.mark.parametrize(
    "message",
    [
        ready(64, 65),
        ready(0, 1),
        ready(3, 2),
        ready(1, 0),
        ready(deadline=nan),
        ready(deadline=inf),
        ready(deadline=None),
        {**ready(), "bytes": 1},
        {**ready(), "info": []},
        {**ready(), "info": None},
        {**ready(), "input": {"height": "64", "width": 96}},
    ],
)
def test_an_engine_that_is_not_ready(message: dict[str, Any]) -> None:
    with pytest.raises(answers.UNREADABLE):
        answers.ready(message)


@pytest.mark.parametrize("within", [nan, inf, "nan", None, 10**400])
def test_a_deadline_is_a_number(within: object) -> None:
    assert answers.finite({}, "within", 3.0) == 3.0
    with pytest.raises(answers.UNREADABLE):
        answers.finite({"within": within}, "within", 3.0)


def test_an_answer() -> None:
    done = answers.done(DONE, RESULTS, 1)
    assert (done.slot, done.n, done.started, done.inference_ms) == (1, 7, 3.5, 1.5)
    assert not isinstance(done.seen, Unknown)
    assert len(done.seen) == 0


@pytest.mark.parametrize("key", ["slot", "n", "count", "start", "infer_ms"])
@pytest.mark.parametrize("value", [None, [], "many", nan, inf])
def test_an_answer_with_a_part_that_is_no_number(key: str, value: object) -> None:
    with pytest.raises(answers.UNREADABLE):
        answers.done({**DONE, key: value}, RESULTS, 1)
    with pytest.raises(answers.UNREADABLE):
        answers.done({k: v for k, v in DONE.items() if k != key}, RESULTS, 1)


@pytest.mark.parametrize("count", [-1, MAX_DETECTIONS + 1])
def test_an_answer_with_more_rows_than_a_slot_has(count: int) -> None:
    with pytest.raises(answers.UNREADABLE):
        answers.done({**DONE, "count": count}, RESULTS, 1)


def test_an_error_always_has_a_reason() -> None:
    """The engine that gave none would be taken for well."""
    done, text, retriable = answers.error({"op": "error", "slot": 0, "n": 7, "text": ""})
    assert (done.seen, retriable) == (Unknown(text), False)
    assert text


def test_a_sensor_without_a_figure_costs_only_that() -> None:
    assert answers.telemetry({"values": {"temperature_c": 61.5, "power_w": nan}}) == {"temperature_c": 61.5}
