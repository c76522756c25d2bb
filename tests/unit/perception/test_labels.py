from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.perception.facts import Box
from agent.perception.labels import LabelFilter, breaks
from agent.perception.settings import LabelRule
from backends.detections import Detections

BOX: Box = (0.25, 0.25, 0.5, 0.75)
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
BELOW = ((0.0, 0.7), (1.0, 0.7), (1.0, 1.0), (0.0, 1.0))


def seen(*rows: tuple[Box, float, int]) -> Detections:
    return Detections(
        np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4),
        np.array([confidence for _, confidence, _ in rows], np.float32),
        np.array([class_id for _, _, class_id in rows], np.int32),
    )


@pytest.mark.parametrize(
    ("rule", "row", "passes"),
    [
        (LabelRule(0.6), (BOX, 0.6, 2), True),
        (LabelRule(0.6), (BOX, 0.59, 2), False),
        (LabelRule(0.0), (BOX, 0.1, 2), True),
        (LabelRule(0.0), (BOX, 1.0, 1), False),  # no rule
        (LabelRule(0.0), (BOX, 1.0, 3), False),  # no rule, beyond the last
        (LabelRule(0.0), (BOX, 1.0, 90), False),
        (LabelRule(0.5, min_height=0.5), (BOX, 0.9, 2), True),
        (LabelRule(0.5, min_height=0.51), (BOX, 0.9, 2), False),
        (LabelRule(0.5, min_width=0.25), (BOX, 0.9, 2), True),
        (LabelRule(0.5, min_width=0.26), (BOX, 0.9, 2), False),
        (LabelRule(0.5, masks=(LEFT,)), (BOX, 0.9, 2), False),
        (LabelRule(0.5, masks=(LEFT,)), ((0.25, 0.25, 0.75, 0.75), 0.9, 2), False),  # foot on the border
        (
            LabelRule(0.5, masks=(LEFT,)),
            ((0.3, 0.25, 0.75, 0.75), 0.9, 2),
            True,
        ),  # half of it in the mask, not its foot
        (LabelRule(0.5, masks=(BELOW, LEFT)), ((0.6, 0.25, 0.75, 0.6), 0.9, 2), True),
        (LabelRule(0.5, masks=(LEFT, BELOW)), ((0.6, 0.25, 0.75, 1.0), 0.9, 2), False),
    ],
)
def test_what_passes(rule: LabelRule, row: tuple[Box, float, int], passes: bool) -> None:
    assert LabelFilter({2: rule})(seen(row)).tolist() == [passes]


def test_each_label_has_its_own_rule() -> None:
    wanted = LabelFilter({0: LabelRule(0.8), 5: LabelRule(0.2, masks=(LEFT,))})
    rows = seen((BOX, 0.9, 0), (BOX, 0.7, 0), (BOX, 0.9, 5), ((0.6, 0.1, 0.9, 0.9), 0.3, 5), (BOX, 0.9, 3))
    assert wanted(rows).tolist() == [True, False, False, True, False]


@pytest.mark.parametrize("rules", [{}, {0: LabelRule(0.5, 0.1, 0.1, (LEFT,))}])
def test_nothing_seen_is_nothing_passed(rules: dict[int, LabelRule]) -> None:
    passed = LabelFilter(rules)(Detections.empty())
    assert passed.dtype == np.bool_
    assert passed.shape == (0,)


def test_without_rules_nothing_passes() -> None:
    assert not LabelFilter({})(seen((BOX, 1.0, 0), (BOX, 1.0, 7))).any()


@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(0, 9))),
    st.dictionaries(st.integers(0, 9), st.floats(0, 1)),
)
def test_as_one_by_one(rows: list[tuple[float, int]], least: dict[int, float]) -> None:
    passed = LabelFilter({c: LabelRule(v) for c, v in least.items()})(seen(*((BOX, v, c) for v, c in rows)))
    assert passed.tolist() == [c in least and np.float32(v) >= np.float32(least[c]) for v, c in rows]


@pytest.mark.parametrize(
    ("rule", "ends"),
    [
        (LabelRule(0.5), False),
        (LabelRule(0.7), True),
        (LabelRule(0.55), False),
        (LabelRule(0.5, min_width=0.3), True),
        (LabelRule(0.5, min_width=0.15), False),
        (LabelRule(0.5, min_height=0.5), True),
        (LabelRule(0.5, min_height=0.35), False),
        (LabelRule(0.5, masks=(LEFT,)), True),
        (LabelRule(0.5, masks=(BELOW,)), False),
    ],
)
def test_who_was_told_of_ends_by_what_has_become_stricter_only(rule: LabelRule, ends: bool) -> None:
    box = (0.2, 0.1, 0.4, 0.5)
    assert breaks(rule, LabelRule(0.5), box, 0.6) is ends
    assert not breaks(rule, rule, box, 0.1)
