"""Whether somebody stands: by seconds, not by how often somebody looked, and whichever way the camera is faced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.perception.life import STATIONARY
from agent.perception.rest import STILL, Rest

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.perception.facts import Box

LENS, TALL, WIDE, HORIZON = 2.5, 1.7, 0.5, 0.25


def at_metres(away: float, lens: float = LENS) -> Box:
    """A person in front of a camera that looks along the ground, lens: metres above it."""
    foot, head = HORIZON + 0.9 * lens / away, HORIZON + 0.9 * (lens - TALL) / away
    half = 0.9 * WIDE / away * 9 / 32
    return (0.5 - half, head, 0.5 + half, foot)


def stood(way: Callable[[float], Box], seconds: float, fps: float, jitter: float = 0.0) -> list[float]:
    """For each look, since how many seconds it has stood. jitter: standard deviation, in shares of its size."""
    chance, rest, found = np.random.default_rng(1), Rest(way(0.0), 0.0), []
    for n in range(1, int(seconds * fps)):
        box = np.array(way(n / fps))
        box += chance.normal(0, jitter, 4) * (box[2:] - box[:2])[[0, 1, 0, 1]]
        x1, y1, x2, y2 = box.tolist()
        since = rest.seen(n / fps, (x1, y1, x2, y2))
        found.append(0.0 if since is None else n / fps - since)
    return found


@pytest.mark.parametrize("fps", [2, 5, 10, 25])
@pytest.mark.parametrize("lens", [1.5, 2.5])
@pytest.mark.parametrize(("start", "speed"), [(12.0, -1.2), (3.0, 1.2), (10.0, -0.6)])
def test_who_walks_towards_the_camera_or_away_does_not_stand(
    fps: float, lens: float, start: float, speed: float
) -> None:
    found = stood(lambda t: at_metres(start + speed * t, lens), 8.0, fps, 0.01)
    assert max(found) < STATIONARY
    assert np.mean(np.array(found) >= STILL) < 0.3


@pytest.mark.parametrize("fps", [0.1, 0.5, 1, 5, 25])
@pytest.mark.parametrize("jitter", [0.01, 0.02, 0.05])
def test_who_stands_stands_however_the_box_jitters(fps: float, jitter: float) -> None:
    seconds = max(20.0, 10 / fps)
    found = stood(lambda _: at_metres(6.0), seconds, fps, jitter)
    assert found[-1] > seconds - 3 - 1 / fps


def test_one_wrong_box_moves_nobody() -> None:
    """Two people taken for one, once."""
    wrong = at_metres(3.0)
    found = stood(lambda t: wrong if abs(t - 10.0) < 1e-6 else at_metres(6.0), 20.0, 5, 0.01)
    assert found[-1] > 16.0


@pytest.mark.parametrize("fps", [5, 25])
def test_who_comes_and_stops_stands_soon(fps: float) -> None:
    found = stood(lambda t: at_metres(max(4.0, 10.0 - 1.2 * t)), 15.0, fps, 0.01)
    assert 15.0 - 5.0 - found[-1] < 2.0, "seconds from the stop until it was noticed"


def test_who_is_hidden_below_the_waist_has_not_grown() -> None:
    x1, y1, x2, y2 = at_metres(6.0)
    found = stood(lambda t: (x1, y1, x2, y2 - (0.15 * (y2 - y1) if t > 10 else 0.0)), 20.0, 5, 0.01)
    assert found[-1] > 15.0
