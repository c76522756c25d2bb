from __future__ import annotations

import numpy as np
import pytest

from agent.perception.facts import Moment
from agent.perception.scene import Scene
from agent.perception.settings import LabelRule, Settings
from backends.detections import Detections, Unknown

SEEN = Detections(
    np.array([[0, 0, 1, 1], [0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], np.float32),
    np.array([0.9, 0.5, 0.49], np.float32),
    np.array([1, 0, 0], np.int32),
)
NOW = Moment(0.0, 1.0e9, 50.0)
SIZE = (640, 480)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({0: 0.5, 1: 0.5}, [1, 0]),
        ({0: 0.1, 1: 0.1}, [1, 0, 0]),
        ({0: 0.1}, [0, 0]),
        ({0: 0.1, 1: 0.95}, [0, 0]),
        ({0: 0.95, 1: 0.95}, []),
    ],
)
def test_only_what_the_camera_wants(rules: dict[int, float], expected: list[int]) -> None:
    found = Scene(Settings({c: LabelRule(least) for c, least in rules.items()})).update(NOW, SIZE, SEEN).seen
    assert isinstance(found, Detections)
    assert found.class_id.tolist() == expected


def test_unknown_is_not_empty() -> None:
    answer = Unknown("engine gone")
    assert Scene(Settings({0: LabelRule(0.5)})).update(NOW, SIZE, answer).seen is answer
