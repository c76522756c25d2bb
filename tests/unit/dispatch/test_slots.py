"""What of a slot's rows comes to a scene, and how long a job may take."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from agent.dispatch.slots import Slots, detections
from backends.protocol import MAX_DETECTIONS

GOOD = (1.0, 2.0, 30.0, 40.0, 0.75, 1.0)


def slot(*rows: tuple[float, ...]) -> np.ndarray:
    found = np.full((MAX_DETECTIONS, 6), nan, np.float32)  # what lies behind `count` is nobody's
    found[: len(rows)] = np.array(rows, np.float32).reshape(-1, 6)
    return found


def test_they_are_a_copy() -> None:
    rows = slot(GOOD)
    seen = detections(rows, 1, 2)
    rows[:] = 0
    assert (seen.xyxy.tolist(), seen.confidence.tolist(), seen.class_id.tolist()) == ([list(GOOD[:4])], [0.75], [1])


@pytest.mark.parametrize("value", [nan, inf, -inf])
@pytest.mark.parametrize("column", range(6))
def test_a_row_with_what_is_no_number_is_left_out(column: int, value: float) -> None:
    bad = (*GOOD[:column], value, *GOOD[column + 1 :])
    assert len(detections(slot(bad), 1, 2)) == 0
    seen = detections(slot(GOOD, bad, (0.0, 0.0, 5.0, 5.0, 0.5, 0.0)), 3, 2)
    assert seen.confidence.tolist() == [0.75, 0.5]


def test_confidence_is_within_0_and_1() -> None:
    rows = slot((*GOOD[:4], 7.5, 0), (*GOOD[:4], 0.5, 0), (*GOOD[:4], -0.25, 0))
    assert detections(rows, 3, 2).confidence.tolist() == [1.0, 0.5, 0.0]


def test_none_are_none() -> None:
    assert len(detections(slot(), 0, 2)) == 0


@pytest.mark.parametrize("class_id", [-1.0, 2.0])
def test_a_class_without_a_label_is_a_mistake(class_id: float) -> None:
    with pytest.raises(ValueError, match="from a model of 2 labels"):
        detections(slot((*GOOD[:5], class_id)), 1, 2)


def test_a_job_whose_time_is_up_is_overdue() -> None:
    slots = Slots(1.0)
    slots.run(0, 1, 100.0)
    assert not slots.overdue(100.9)
    assert slots.overdue(101.0)


@pytest.mark.parametrize(("noticed", "until"), [(101.25, 101.5), (160.0, 161.0)])
def test_one_whose_end_was_missed_by_a_standstill_has_as_much_again_once(noticed: float, until: float) -> None:
    """A machine that stands still for longer than a run may take would else have a healthy worker killed."""
    slots = Slots(1.0, free=[1])
    slots.run(0, 1, 100.0)
    assert not slots.overdue(noticed)
    assert slots.next_deadline() == until
    slots.run(1, 2, noticed)
    assert slots.take(1, 2)
    assert slots.overdue(until + 0.25)
