"""What health says of a camera. The view is a double: it proves nothing of what is measured."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from agent.runtime.health import camera_health


@pytest.mark.parametrize(("at", "age"), [(None, None), (0.0, None), (99.5, 0.5), (100.25, 0.0)])
def test_no_age_is_negative_though_a_frame_came_since_the_clock_was_read(at: float | None, age: float | None) -> None:
    camera = SimpleNamespace(last_frame_at=at, corrupt=0, status=lambda _: SimpleNamespace(state="online"))
    lane = SimpleNamespace(last_inference=at, unknown=0, mailbox=SimpleNamespace(dropped={}))
    view = SimpleNamespace(camera=camera, lane=lane, rates=lambda: (10.0, 5.0))
    health = camera_health(view, 100.0)  # type: ignore[arg-type]
    assert (health.frame_age, health.inference_age) == (age, age)
