from __future__ import annotations

import numpy as np
import pytest

from agent.perception.scene import Scene
from backends.detections import Detections, Unknown

SEEN = Detections(
    np.array([[0, 0, 1, 1], [0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], np.float32),
    np.array([0.9, 0.5, 0.49], np.float32),
    np.array([1, 0, 0], np.int32),
)


@pytest.mark.parametrize(
    ("confidence", "labels", "expected"),
    [
        (0.5, (), [1, 0]),
        (0.1, (), [1, 0, 0]),
        (0.1, ("person",), [0, 0]),
        (0.1, ("person", "car"), [1, 0, 0]),
        (0.95, (), []),
    ],
)
def test_only_what_the_camera_wants(confidence: float, labels: tuple[str, ...], expected: list[int]) -> None:
    found = Scene(["person", "car"], confidence, labels).update(SEEN)
    assert isinstance(found, Detections)
    assert found.class_id.tolist() == expected


def test_unknown_is_not_empty() -> None:
    answer = Unknown("engine gone")
    assert Scene(["person"], 0.5).update(answer) is answer
