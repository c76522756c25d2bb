"""The status file, and what it says: health, and what a person asks next."""

from __future__ import annotations

import contextlib
import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from agent.atomic import StateFile
from agent.config.redact import redact
from agent.publish import payloads
from agent.runtime.health import in_service, ladders
from backends.registry.order import only_chips

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from agent.publish.mqtt import Publisher
    from agent.runtime.report import Report

READABLE = 0o644
"""`vedette status` is for every user of the machine, and there is no secret in this one file."""

log = logging.getLogger("vedette.daemon")


class StatusFile:
    def __init__(self, folder: Path) -> None:
        self._file = StateFile(folder / "status.json", log, mode=READABLE)

    def write(self, body: Mapping[str, Any]) -> None:
        """Atomically, so that a reader never sees half of it."""
        self._file.write(json.dumps(body))

    def remove(self) -> None:
        with contextlib.suppress(OSError):  # gone, or on a disk that takes nothing any more
            self._file.path.unlink()


def status(report: Report, publisher: Publisher, now: float) -> dict[str, Any]:
    """now: time.monotonic()."""
    body: dict[str, Any] = payloads.plain(report.health(now))
    body["alerts"] = [{**subject._asdict(), **asdict(fault)} for subject, fault in report.alerts.items()]
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
    for ladder in ladders(report.views.values()):
        alone = only_chips(rung.spec.program.name for rung in ladder.rungs)
        for rung, engine in in_service(ladder):
            own = {"cause": engine.cause, "fallback": engine.fallback, "no_fallback": alone, **rung.info}
            body["engines"].setdefault(rung.spec.id, {}).update(own)
    return body
