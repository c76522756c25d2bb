"""Whose box is whose, where boxes overlap."""

from __future__ import annotations

import numpy as np
import pytest

from agent.perception.association import of_height, overlap, pairs, widened


def boxes(*given: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(given, np.float64)


def upright(x: float) -> tuple[float, float, float, float]:
    return (x, 0.0, x + 1.0, 2.0)


def test_overlap_is_the_shared_area_over_that_of_both() -> None:
    found = overlap(boxes((0, 0, 2, 2)), boxes((0, 0, 2, 2), (1, 1, 3, 3), (0, 1, 2, 2), (2.5, 0, 3, 2), (3, 3, 4, 4)))
    assert found == pytest.approx(np.array([[1, 1 / 7, 1 / 2, 0, 0]]))


def test_overlap_of_heights_looks_at_nothing_else() -> None:
    assert of_height((5, 0, 6, 2), (-7, 1, 9, 4)) == pytest.approx(1 / 4)
    assert of_height((-7, 1, 9, 4), (5, 0, 6, 2)) == pytest.approx(1 / 4)
    assert of_height((0, 0, 1, 2), (0, 3, 1, 4)) == 0


def test_a_box_is_widened_on_each_side() -> None:
    assert widened(boxes((1, 2, 3, 6)), 0.25) == pytest.approx(boxes((0.5, 1, 3.5, 7)))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0.0, 5.0], [0.1, 5.1], [(0, 0), (1, 1)]),
        ([0.0, 0.4], [0.1, 0.5], [(0, 0), (1, 1)]),
        ([0.0, 0.4, 5.0], [0.1, 0.5, 5.5], [(0, 0), (1, 1), (2, 2)]),  # the last one competes with nobody
        ([0.0, 0.9], [0.9, 1.8], [(1, 0)]),  # who fits well is not pushed aside so that two fit badly
    ],
)
def test_together_they_overlap_most(a: list[float], b: list[float], expected: list[tuple[int, int]]) -> None:
    one, other = boxes(*map(upright, a)), boxes(*map(upright, b))
    shared = overlap(one, other)
    possible = [(int(i), int(j)) for i, j in np.argwhere(shared > 0)]
    assert pairs(possible, shared, one, other) == expected
