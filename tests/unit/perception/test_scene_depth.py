"""Who walks along the line of sight, with the gate on: shifts little, and is counted and told of all the same."""

from __future__ import annotations

import pytest

from agent.perception.settings import Line
from tests.unit.perception.test_rest import at_metres
from tests.unit.perception.test_scene import SIZE, Stage

Y = at_metres(6.0)[3]
THRESHOLD = (Line("door", (0.3, Y), (0.7, Y)),)


def crossings(fps: float, speed: float, *, gone: float, offset: float = 0.0) -> tuple[int, float]:
    """Of somebody who walks from 3 m before the camera to `gone`, and the share of frames looked at until then.

    The door's line is at 6 m.
    """
    stage, looks, n = Stage(step=1 / fps, gate=True, lines=THRESHOLD), 0, 0
    began = 1.0 + offset
    for n in range(int(12 * fps)):
        metres = 3.0 + speed * max(0.0, n / fps - began)
        box = [at_metres(metres)] if n / fps >= began and metres <= gone else []
        stage.n = n
        if stage.scene.wants(stage.now, box if metres > 3.0 else [], SIZE, (300, 300)):
            looks += 1
            stage.n -= 1
            stage.look(*box)
    return stage.told.count("line.crossed"), looks / n


@pytest.mark.parametrize("fps", [5, 10, 25])
@pytest.mark.parametrize("gone", [6.4, 6.8])
def test_who_goes_through_a_door_is_counted(fps: float, gone: float) -> None:
    walks = [crossings(fps, speed, gone=gone, offset=offset / 7) for speed in (0.9, 1.2, 1.5) for offset in range(4)]
    assert sum(count for count, _ in walks) >= 11
    assert all(count <= 1 for count, _ in walks)
    assert sum(share for _, share in walks) / len(walks) < 2.5 / fps


def test_who_turns_before_the_door_is_not() -> None:
    assert crossings(5, 1.2, gone=5.9)[0] == 0


@pytest.mark.parametrize("fps", [5, 10])
def test_who_was_seen_badly_from_afar_is_told_of_soon_when_near(fps: int) -> None:
    """Twenty seconds of what the model hardly knows, then three of what it does."""
    stage, started = Stage(step=1 / fps, gate=True), []
    for n in range(23 * fps):
        box, confidence = at_metres(26.0 - n / fps), 0.4 if n < 20 * fps else 0.9
        stage.n = n
        if stage.scene.wants(stage.now, [box], SIZE, (300, 300)):
            stage.n -= 1
            facts = stage.look(box, confidence=confidence)
            started += [n / fps - 20.0 for h in facts.happenings if h.kind == "track.started"]
    assert len(started) == 1
    assert 0 < started[0] < 1.0 + 5 * 0.2
