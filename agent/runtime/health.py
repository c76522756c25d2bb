"""How each part is, measured where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.publish import payloads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.dispatch.engine import RemoteEngine
    from agent.dispatch.ladder import Ladder
    from agent.dispatch.result import EngineStatus
    from agent.runtime.view import View


def camera_health(view: View, now: float) -> payloads.CameraHealth:
    fps_in, fps_inferred = view.rates()
    lane, camera = view.lane, view.camera
    drops = {**lane.mailbox.dropped, "corrupt": camera.corrupt, "engine": lane.unknown}
    return payloads.CameraHealth(
        status=camera.status(now).state,
        frame_age=_age(camera.last_frame_at, now),
        inference_age=_age(lane.last_inference, now),
        fps_in=fps_in,
        fps_inferred=fps_inferred,
        drops=drops,
    )


def _age(at: float | None, now: float) -> float | None:
    """None before the first. One that came since the main thread looked at the clock is new, not of the future."""
    return max(0.0, now - at) if at else None


def ladders(views: Iterable[View]) -> list[Ladder]:
    """One per model, however many cameras it has."""
    return list({id(view.dispatcher): view.dispatcher.ladder for view in views}.values())


def in_service(ladder: Ladder) -> list[tuple[RemoteEngine, EngineStatus]]:
    """The engines that have a status; not those that stand by."""
    statuses = dict(ladder.statuses)
    return [(rung, statuses[rung.spec.id]) for rung in ladder.rungs if rung.spec.id in statuses]


def engine_health(engine: RemoteEngine, status: EngineStatus) -> payloads.EngineHealth:
    times = sorted(engine.counters.inference_ms.copy())
    p50 = times[len(times) // 2] if times else None
    p99 = times[min(len(times) - 1, len(times) * 99 // 100)] if times else None
    return payloads.EngineHealth(status.state, p50, p99, engine.counters.restarts, dict(engine.telemetry))
