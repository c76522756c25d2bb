"""When a new version is healthy, when it stays, and when the one before is taken back."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

_PATH = Path(__file__).parents[2] / "systemd/deb/trial.py"
_SPEC = importlib.util.spec_from_file_location("vedette_trial", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
trial: Any = importlib.util.module_from_spec(_SPEC)
sys.modules["vedette_trial"] = trial
_SPEC.loader.exec_module(trial)

UNIT = "vedette.service"
WELL = trial.Seen("active", 0, broker=True, cameras=2, engines=1)
PATIENCE = 60.0


def played(before: Any, states: list[Any]) -> tuple[Any, int]:
    """The verdict over states a second apart, the last of which lasts; and how many seconds it took."""
    verdict = trial.Verdict({UNIT: before}, PATIENCE, 0.0)
    for second in range(1, 400):
        verdict.look({UNIT: states[min(second, len(states)) - 1]}, float(second))
        if verdict.proven or verdict.refused:
            return verdict, second
    raise AssertionError("no verdict")


def test_a_healthy_one_stays_after_a_minute_of_health() -> None:
    verdict, seconds = played(WELL, [trial.Seen("activating"), trial.Seen("activating"), WELL])
    assert verdict.proven
    assert seconds == 3 + trial.STEADY_S + PATIENCE


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (trial.Seen("activating", 1), "is not ready (activating, 1 restarts)"),
        (trial.Seen("active", 0, broker=False, cameras=2, engines=1), "does not reach the broker"),
        (trial.Seen("active", 0, broker=True, cameras=0, engines=1), "has no camera online, where 2 were"),
        (trial.Seen("active", 0, broker=True, cameras=2, engines=0), "has no engine serving, where 1 were"),
    ],
)
def test_what_the_version_before_did_must_be_done_within_a_minute(state: Any, why: str) -> None:
    verdict, seconds = played(WELL, [state])
    assert (verdict.refused, seconds) == (f"{UNIT} {why}", PATIENCE)
    assert not verdict.healthy


def test_what_the_version_before_did_not_do_is_not_asked_for() -> None:
    before = trial.Seen("active", 3, broker=False, cameras=0, engines=1)
    verdict, _ = played(before, [trial.Seen("active", 0, broker=False, cameras=0, engines=1)])
    assert verdict.proven


def test_an_instance_that_was_down_before_does_not_count() -> None:
    verdict = trial.Verdict({UNIT: WELL, "vedette@two.service": trial.Seen("activating", 40)}, PATIENCE, 0.0)
    for second in range(1, 12):
        verdict.look({UNIT: WELL, "vedette@two.service": trial.Seen("activating", second)}, float(second))
    assert verdict.healthy


def test_a_crash_loop_is_not_watched_for_a_minute() -> None:
    states = [trial.Seen("activating", second // 2) for second in range(60)]
    verdict, seconds = played(WELL, states)
    assert verdict.refused
    assert seconds < 15


def test_one_that_flickers_is_not_healthy() -> None:
    verdict, seconds = played(WELL, [WELL if second % 8 else trial.Seen("activating") for second in range(400)])
    assert (verdict.refused != "", seconds) == (True, PATIENCE)


def test_one_that_crashes_after_it_was_healthy_is_taken_back() -> None:
    crashed = trial.Seen("active", 1, broker=True, cameras=2, engines=1)
    verdict, _ = played(WELL, [WELL] * 30 + [crashed])
    assert verdict.healthy
    assert "crashed" in verdict.refused


def test_a_camera_that_fails_later_is_no_fault_of_the_version() -> None:
    verdict, _ = played(WELL, [WELL] * 30 + [trial.Seen("active", 0, broker=False)])
    assert verdict.proven


def test_one_that_was_stopped_by_somebody_stays() -> None:
    verdict, _ = played(WELL, [WELL] * 30 + [trial.Seen("inactive")])
    assert verdict.proven
