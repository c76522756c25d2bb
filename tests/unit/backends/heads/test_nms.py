from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.heads.nms import nms
from tests.support.examples import examples


def naive(xyxy, confidence, class_id, iou, limit, *, class_agnostic=False):
    """The greedy loop of every textbook."""
    kept: list[int] = []
    boxes, labels = xyxy.tolist(), class_id.tolist()  # numbers of Python, for it looks at single ones
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in boxes]
    for i in sorted(range(len(boxes)), key=lambda i: -confidence[i]):
        a = boxes[i]
        for k in kept:
            b = boxes[k]
            width = min(a[2], b[2]) - max(a[0], b[0])
            height = min(a[3], b[3]) - max(a[1], b[1])
            inner = max(width, 0) * max(height, 0)
            same = class_agnostic or labels[i] == labels[k]
            if same and inner > iou * (areas[i] + areas[k] - inner):
                break
        else:
            kept.append(i)
    return kept[:limit]


@given(
    st.integers(0, 2**32),
    st.integers(0, 60),
    st.sampled_from([0.30117, 0.45139, 0.70219]),  # no ratio of small areas: rounding would decide a tie
    st.integers(1, 5),
    st.booleans(),
)
@settings(max_examples=examples(60), deadline=None)
def test_is_the_greedy_loop(seed, n, iou, classes, class_agnostic):
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 40, (n, 2))
    xyxy = np.concatenate((corners, corners + rng.integers(0, 30, (n, 2))), axis=1).astype(np.float32)
    confidence = rng.permutation(n).astype(np.float32) / max(n, 1)
    class_id = rng.integers(0, classes, n).astype(np.int32)
    expected = naive(xyxy, confidence, class_id, iou, 300, class_agnostic=class_agnostic)
    assert nms(xyxy, confidence, class_id, iou, 300, class_agnostic=class_agnostic).tolist() == expected


@pytest.mark.parametrize("limit", [5, 300, 1000])
def test_many_boxes_go_through_several_blocks(limit):
    rng = np.random.default_rng(1)
    corners = rng.integers(0, 600, (900, 2))
    xyxy = np.concatenate((corners, corners + rng.integers(20, 90, (900, 2))), axis=1).astype(np.float32)
    confidence = rng.permutation(900).astype(np.float32) / 900
    class_id = rng.integers(0, 2, 900).astype(np.int32)
    kept = nms(xyxy, confidence, class_id, 0.5, limit).tolist()
    assert kept == naive(xyxy, confidence, class_id, 0.5, limit)
