"""What the status file says: health, and what a person asks next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.config.redact import redact
from agent.publish import payloads
from agent.runtime.health import in_service

if TYPE_CHECKING:
    from agent.publish.mqtt import Publisher
    from agent.runtime.report import Report

READABLE = 0o644
"""`vedette status` is for every user of the machine, and there is no secret in this one file."""


def status(report: Report, publisher: Publisher, now: float) -> dict[str, Any]:
    """now: time.monotonic()."""
    body: dict[str, Any] = payloads.plain(report.health(now))
    for camera, view in report.views.items():
        status = view.camera.status(now)
        body["cameras"].setdefault(camera, {}).update(
            source=redact(view.config.source),
            error=status.error,
            decoder=status.decoder,
            width=status.width,
            height=status.height,
            frames=view.camera.frames,
            inferred=view.lane.inferred,
            unknown=view.lane.unknown,
            published=view.published,
            model=view.model.name,
            engine=view.dispatcher.ladder.current.spec.id,
        )
    body["mqtt"] |= {
        "connected": publisher.connected,
        "protocol": publisher.protocol,
        "last_error": publisher.last_error,
    }
    for ladder in {id(view.dispatcher): view.dispatcher.ladder for view in report.views.values()}.values():
        for rung, engine in in_service(ladder):
            own = {"cause": engine.cause, "fallback": engine.fallback, **rung.info}
            body["engines"].setdefault(rung.spec.id, {}).update(own)
    return body
