"""From a board's files to the cap of each camera's rate, the alerts and the log. The board is fake."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from agent.runtime.governor import DOWN_S, STEPS, UP_S
from agent.runtime.heat import LEAST_USUAL, LOOK_S, Heat
from tests.support import board_tree

if TYPE_CHECKING:
    from pathlib import Path


def view(camera: str = "gate", fps: float = 5.0, inferred: float = 0.0, *, live: bool = True) -> Any:
    """What of a camera's view is asked for, and set."""
    lane = SimpleNamespace(camera=camera, fps=fps, live=live, cap=0.0)
    return SimpleNamespace(lane=lane, rates=lambda: (inferred, inferred))


def warm(root: Path, degrees: float) -> None:
    (root / board_tree.THERMAL / "thermal_zone0/temp").write_text(f"{degrees * 1000:.0f}\n")


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    board_tree.pi(tmp_path)
    return tmp_path


def test_a_hot_board_lowers_the_rate_of_each_live_camera(pi: Path, caplog: pytest.LogCaptureFixture) -> None:
    heat, views = Heat(pi), [view(), view("yard", 10.0), view("clip", 0.0, live=False)]
    assert heat.turn(0.0, views) == {}
    assert [each.lane.cap for each in views] == [0.0, 0.0, 0.0]
    warm(pi, 76)
    with caplog.at_level(logging.INFO, "vedette.health"):
        faults = heat.turn(1.0, views)
    assert [each.lane.cap for each in views] == [STEPS[1] * 5, STEPS[1] * 10, 0.0]
    ((subject, fault),) = faults.items()
    assert tuple(subject) == ("thermal", "device")
    assert fault.severity == "warning"
    assert [record.message for record in caplog.records] == [fault.text]
    for _ in range(len(STEPS)):
        heat.turn(1.0 + DOWN_S * len(STEPS), views)
    assert views[0].lane.cap == STEPS[2] * 5


def test_a_cool_board_gives_it_back(pi: Path) -> None:
    heat, views = Heat(pi), [view()]
    warm(pi, 76)
    heat.turn(0.0, views)
    warm(pi, 60)
    assert heat.turn(1.0, views) != {}
    assert heat.turn(1.0 + UP_S, views) == {}
    assert views[0].lane.cap == 0.0


def test_a_camera_without_a_rate_of_its_own_gets_a_part_of_what_it_had(pi: Path) -> None:
    rates = [25.0, 20.0]
    free = SimpleNamespace(lane=view(fps=0.0).lane, rates=lambda: tuple(rates))
    heat = Heat(pi)
    heat.turn(0.0, [free])  # type: ignore[list-item]
    assert free.lane.cap == 0.0
    rates[1] = 0.1
    warm(pi, 76)
    heat.turn(1.0, [free])  # type: ignore[list-item]
    assert free.lane.cap == pytest.approx(STEPS[1] * 20), "not of what it has while nothing moves"
    heat.turn(1.0 + DOWN_S, [free])  # type: ignore[list-item]
    assert free.lane.cap == pytest.approx(STEPS[2] * 20)


def test_a_camera_that_was_never_seen_on_a_cool_board_is_not_blinded(pi: Path) -> None:
    """Its first look of a quiet scene was taken for its usual rate: a look in forty seconds while it was hot."""
    rates = [15.0, 0.0]
    free = SimpleNamespace(lane=view(fps=0.0).lane, rates=lambda: tuple(rates))
    heat = Heat(pi)
    warm(pi, 76)
    for second in range(10):
        heat.turn(float(second), [free])  # type: ignore[list-item]
        assert free.lane.cap == pytest.approx(STEPS[1] * 15)
        rates[1] = 0.1
    quiet = SimpleNamespace(lane=view("yard", fps=0.0).lane, rates=lambda: (15.0, 0.1))
    heat = Heat(pi)
    warm(pi, 60)
    heat.turn(0.0, [quiet])  # type: ignore[list-item]
    warm(pi, 76)
    heat.turn(1.0, [quiet])  # type: ignore[list-item]
    assert quiet.lane.cap == pytest.approx(STEPS[1] * LEAST_USUAL)


def test_a_weak_supply_is_an_alert_of_its_own(pi: Path) -> None:
    board_tree.pi(pi, "50005", alarm="1")
    heat, views = Heat(pi), [view()]
    assert [tuple(subject) for subject in heat.turn(0.0, views)] == [("undervoltage", "device")]
    assert views[0].lane.cap == 0.0, "it is not hot"
    board_tree.pi(pi)
    assert heat.turn(LOOK_S, views) == {}
    assert heat.board.undervoltage is False
