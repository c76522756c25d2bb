"""Where a box is believed to be while nobody sees it."""

from __future__ import annotations

import numpy as np
import pytest

from agent.perception.kalman import HORIZON, Boxes

HERE = np.array([[0.4, 0.4, 0.5, 0.8]])
STEP = np.array([[0.02, 0.0, 0.02, 0.0]])


def walking() -> Boxes:
    """A box that has gone to the right for three seconds, by its own width each second."""
    boxes = Boxes()
    boxes.add(HERE - 15 * STEP)
    for n in range(14, -1, -1):
        boxes.advance(0.2)
        boxes.correct(np.array([0]), HERE - n * STEP)
    return boxes


def test_what_is_not_seen_goes_on_for_a_while_and_then_stays() -> None:
    boxes = walking()
    expected = boxes.ahead(HORIZON)
    assert expected == pytest.approx(HERE + 5 * STEP, abs=0.01)
    assert boxes.ahead(10.0) == pytest.approx(expected)
    for _ in range(30):
        boxes.advance(0.3)
    assert boxes.xyxy == pytest.approx(expected)
    assert boxes.ahead(2.0) == pytest.approx(expected)


def test_looking_ahead_changes_nothing_and_says_what_time_will_bring() -> None:
    boxes = walking()
    before, ahead = boxes.xyxy, boxes.ahead(0.5)
    assert boxes.xyxy == pytest.approx(before)
    boxes.advance(0.5)
    assert boxes.xyxy == pytest.approx(ahead)
    boxes.advance(0.0)
    assert boxes.xyxy == pytest.approx(ahead)


def test_whoever_is_seen_again_is_where_he_is_seen_and_goes_on_from_there() -> None:
    boxes = walking()
    boxes.advance(5.0)
    boxes.correct(np.array([0]), HERE)
    assert boxes.xyxy == pytest.approx(HERE, abs=0.01)
    assert abs(boxes.ahead(1.0) - boxes.xyxy).max() > 0.01
