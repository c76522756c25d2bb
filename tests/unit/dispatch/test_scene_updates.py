"""When something is said of a camera that nobody looks at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agent.dispatch.scene_updates import SceneUpdates

ANSWERED = 100.0


def lane(not_before: float, *taken: float) -> Any:
    """not_before: until when the rate cap wants no frame. taken: when those at the engine were captured."""
    jobs = [SimpleNamespace(frame=SimpleNamespace(monotonic=at)) for at in taken]
    return SimpleNamespace(answered_at=ANSWERED, not_before=not_before, jobs=jobs)


@pytest.mark.parametrize(
    ("not_before", "after"),
    [
        (0.0, 0.9),  # no cap, or none that holds
        (0.2, 0.9),  # fps 5: the next look was due long ago, and the gate was asked
        (0.95, 1.15),  # fps 1: the next look is due, and will be the better answer
        (0.65, 0.9),  # fps 1, and inferred for 0.35 s: it is on its way by then
        (4.9, 0.9),  # fps 0.2: nobody looks for long
    ],
)
def test_a_look_that_is_due_is_waited_for_and_no_other(not_before: float, after: float) -> None:
    assert SceneUpdates.report_due_at(lane(ANSWERED + not_before)) == pytest.approx(ANSWERED + after)


def test_what_the_engine_has_is_waited_for_from_its_capture() -> None:
    """For a moment: an engine that is slow or hangs does not keep a camera silent that has delivered all the time."""
    assert SceneUpdates.report_due_at(lane(0.0, ANSWERED + 7.0)) == pytest.approx(ANSWERED + 7.9)
    assert SceneUpdates.report_due_at(lane(0.0, ANSWERED + 0.2)) == pytest.approx(ANSWERED + 1.1)
    assert SceneUpdates.report_due_at(lane(0.0, ANSWERED + 0.8)) == pytest.approx(ANSWERED + 1.25)
    assert SceneUpdates.report_due_at(lane(0.0, ANSWERED - 0.5)) == pytest.approx(ANSWERED + 0.9)
