"""What of a slot's rows comes to a scene."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from agent.dispatch.slots import detections
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
