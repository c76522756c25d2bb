from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.perception.crop_merge import merge
from agent.perception.facts import WHOLE, Box
from backends.detections import Detections

LEFT: Box = (0.1, 0.2, 0.4, 0.7)
RIGHT: Box = (0.35, 0.2, 0.65, 0.7)


def seen(*rows: tuple[Box, float, int]) -> Detections:
    return Detections(
        np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4),
        np.array([confidence for _, confidence, _ in rows], np.float32),
        np.array([class_id for _, _, class_id in rows], np.int32),
    )


def found(*looks: tuple[Box, Detections]) -> list[tuple[list[float], float, int]]:
    merged = merge(looks)
    rows = zip(merged.xyxy.tolist(), merged.confidence.tolist(), merged.class_id.tolist(), strict=True)
    return [([round(v, 3) for v in box], round(confidence, 3), class_id) for box, confidence, class_id in rows]


IN_BOTH = (0.36, 0.3, 0.39, 0.4)


def test_one_look_stays_as_it_is() -> None:
    only = seen((IN_BOTH, 0.5, 0), (IN_BOTH, 0.4, 0))
    assert merge([(WHOLE, only)]) is only


def test_what_two_looks_have_seen_is_one_and_the_rest_stays() -> None:
    away = (0.5, 0.5, 0.55, 0.6)
    assert found((LEFT, seen((IN_BOTH, 0.5, 0))), (RIGHT, seen((away, 0.9, 0), (IN_BOTH, 0.7, 0)))) == [
        (list(away), 0.9, 0),
        (list(IN_BOTH), 0.7, 0),
    ]


def test_another_class_is_another_object() -> None:
    assert len(found((LEFT, seen((IN_BOTH, 0.5, 0))), (RIGHT, seen((IN_BOTH, 0.7, 1))))) == 2


def test_what_one_look_has_told_apart_stays_apart() -> None:
    near = (0.361, 0.3, 0.391, 0.4)
    assert len(found((LEFT, seen((IN_BOTH, 0.5, 0), (near, 0.4, 0))), (RIGHT, seen()))) == 2


def turned(box: Box, times: int) -> Box:
    """The whole picture by so many quarters."""
    for _ in range(times):
        x1, y1, x2, y2 = box
        box = (round(1 - y2, 6), x1, round(1 - y1, 6), x2)
    return box


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("whole_too", [False, True])
def test_a_part_yields_to_the_whole_object_whatever_their_confidences(whole_too: bool, quarters: int) -> None:
    full, part = (turned(box, quarters) for box in ((0.37, 0.3, 0.45, 0.6), (0.37, 0.3, 0.4, 0.6)))
    left, right = turned(LEFT, quarters), turned(RIGHT, quarters)
    looks = [(left, seen((part, 0.9, 0))), (WHOLE if whole_too else right, seen((full, 0.3, 0)))]
    assert found(*looks) == [(list(full), 0.3, 0)]
    assert found(*reversed(looks)) == [(list(full), 0.3, 0)]


def test_a_part_that_nothing_else_shows_is_better_than_nothing() -> None:
    part = (0.37, 0.3, 0.4, 0.6)
    assert found((LEFT, seen((part, 0.9, 0))), (RIGHT, seen())) == [(list(part), 0.9, 0)]


def test_the_edge_of_the_picture_cuts_nothing_off_that_could_be_seen() -> None:
    corner: Box = (0.0, 0.0, 0.3, 0.3)
    small, large = (0.0, 0.1, 0.05, 0.2), (0.0, 0.1, 0.12, 0.25)
    assert len(found((corner, seen((small, 0.9, 0))), (WHOLE, seen((large, 0.5, 0))))) == 2


def test_looks_that_saw_nothing() -> None:
    assert len(merge([(LEFT, Detections.empty()), (RIGHT, Detections.empty())])) == 0


unit = st.floats(0, 1, width=32)
corners = st.tuples(
    st.lists(unit, min_size=2, max_size=2).map(sorted), st.lists(unit, min_size=2, max_size=2).map(sorted)
)
boxes = corners.map(lambda xy: (xy[0][0], xy[1][0], xy[0][1], xy[1][1]))
rows = st.lists(st.tuples(boxes, unit, st.integers(0, 2)), max_size=12)


@given(st.lists(rows, min_size=2, max_size=3))
def test_nothing_is_made_up_and_the_best_is_there(looks: list[list[tuple[Box, float, int]]]) -> None:
    merged = merge([(WHOLE, seen(*look)) for look in looks])
    told = {row for look in looks for row in look}
    boxes = map(tuple, merged.xyxy.tolist())
    assert set(zip(boxes, merged.confidence.tolist(), merged.class_id.tolist(), strict=True)) <= told
    assert merged.confidence.tolist() == sorted(merged.confidence.tolist(), reverse=True)
    if told:
        assert max(confidence for _, confidence, _ in told) == merged.confidence[0]
