"""Boxes of two models held against each other, and when that lets one stand in for the other."""

from __future__ import annotations

import numpy as np
import pytest

from agent.tools.comparison import agreement
from agent.tools.comparison.agreement import Direction, Pair, compared, verdict
from backends.detections import Detections


def seen(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int32))


def box(x: float, confidence: float, class_id: int = 0, size: float = 0.1) -> tuple[float, ...]:
    return (x, 0.2, x + size, 0.2 + size, confidence, class_id)


def pair(there: tuple[int, int], back: tuple[int, int]) -> Pair:
    return Pair(*(Direction(boxes, found, 0.9 * found, 0.0) for boxes, found in (there, back)))


def test_the_same_boxes_agree_in_any_order():
    a = seen(box(0.1, 0.9), box(0.5, 0.8), box(0.5, 0.7, 1))
    found = compared(a, a[np.array([2, 1, 0])], 0.5)
    assert {class_id: (one.there.share, one.back.share) for class_id, one in found.items()} == {0: (1, 1), 1: (1, 1)}
    assert found[0].there.iou / 2 == pytest.approx(1)


def test_a_class_is_not_another():
    found = compared(seen(box(0.1, 0.9)), seen(box(0.1, 0.9, 1)), 0.5)
    assert (found[0].there.found, found[1].back.found) == (0, 0)


@pytest.mark.parametrize(("other", "found"), [(0.41, 1), (0.39, 0)])
def test_who_is_a_little_less_sure_still_agrees(other, found):
    both = compared(seen(box(0.1, 0.55)), seen(box(0.1, other)), 0.5)
    assert both[0].there.found == found
    assert both[0].back.boxes == 0


def test_a_box_below_the_confidence_is_none_on_either_side():
    assert compared(seen(box(0.1, 0.49)), seen(box(0.1, 0.49)), 0.5) == {}


def test_a_box_is_found_once_only():
    found = compared(seen(box(0.1, 0.9), box(0.11, 0.8)), seen(box(0.1, 0.9)), 0.5)[0]
    assert (found.there.boxes, found.there.found, found.back.boxes, found.back.found) == (2, 1, 1, 1)


def test_the_surest_takes_the_best_and_leaves_the_next_its_own():
    a = seen(box(0.10, 0.9), box(0.13, 0.8))
    b = seen(box(0.12, 0.9), box(0.10, 0.6))
    found = compared(a, b, 0.5)[0].there
    assert found.found == 2
    assert found.surer == pytest.approx(0.6 - 0.9 + 0.9 - 0.8, abs=1e-6)


def test_half_an_overlap_is_the_bar():
    just = compared(seen((0.0, 0.0, 0.2, 0.2, 0.9, 0)), seen((0.0, 0.0, 0.2, 0.102, 0.9, 0)), 0.5)[0]
    less = compared(seen((0.0, 0.0, 0.2, 0.2, 0.9, 0)), seen((0.0, 0.0, 0.2, 0.098, 0.9, 0)), 0.5)[0]
    assert (just.there.found, less.there.found) == (1, 0)


def test_empty_sides_break_nothing():
    assert compared(seen(), seen(), 0.5) == {}
    assert compared(seen(box(0.1, 0.9)), seen(), 0.5)[0] == Pair(Direction(1), Direction())


def test_enough_on_both_ways_is_a_yes():
    assert verdict({"person": pair((100, 91), (95, 90))}, 0.9) == (True, [])


@pytest.mark.parametrize(
    ("there", "back", "said"),
    [((100, 89), (90, 90), "0.890 of A's boxes"), ((100, 100), (200, 100), "0.500 of B's boxes")],
)
def test_boxes_that_are_lost_and_boxes_that_are_new_are_a_no(there, back, said):
    agrees, notes = verdict({"person": pair(there, back)}, 0.9)
    assert not agrees
    assert said in notes[0]


def test_nothing_in_a_is_unknown_and_not_agreement():
    for labels in ({}, {"person": pair((0, 0), (7, 0))}):
        agrees, notes = verdict(labels, 0.0)
        assert not agrees
        assert notes[0].startswith("unknown: A sees nothing")


def test_nothing_in_b_is_a_no_with_its_own_words():
    agrees, notes = verdict({"person": pair((40, 0), (0, 0))}, 0.9)
    assert not agrees
    assert "B sees nothing at all" in notes


def test_a_label_that_is_lost_is_not_outvoted_by_the_others():
    labels = {"car": pair((400, 398), (398, 398)), "dog": pair((6, 2), (2, 2))}
    agrees, notes = verdict(labels, 0.9)
    assert not agrees
    assert notes == ["dog is lost: 2 of 6 found again, 2 of 2 back"]
    assert verdict({**labels, "dog": pair((4, 1), (1, 1))}, 0.9)[0], "four boxes tell nothing"


def test_few_boxes_are_a_yes_that_says_so():
    agrees, notes = verdict({"person": pair((3, 3), (3, 3))}, 0.9)
    assert agrees
    assert "3 boxes" in notes[0]
    assert "only 1 box:" in verdict({"person": pair((1, 1), (1, 1))}, 0.9)[1][0]


def test_whoever_wants_no_bar_gets_a_yes_as_long_as_b_sees_something():
    assert verdict({"person": pair((100, 1), (100, 1))}, 0.0)[0]


def test_the_floor_is_never_zero():
    assert agreement.floor(0.05) == 0.01
