"""`summary`: how a device is, in one small retained value, for those who look at many of them. Pure.

A broker keeps it for years, so it is told only where something is another than it was: a state at once, a figure when
it has moved far, and then seldom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.publish.bucket import Bucket
from agent.publish.clock import clock_word, isotime
from agent.publish.detections import SCHEMA
from agent.publish.payloads import encode

if TYPE_CHECKING:
    from agent.publish.payloads import Health

EVERY_S = 5.0
"""Between two looks, and so the least between two messages."""
FIGURES_S, FIGURES_BURST = 60.0, 2.0
"""Between two messages that differ in figures only; after a quiet while, so many at once."""
FAR_SHARE, FAR_FPS = 0.2, 1.0
"""How far a camera's rate must be from what was told: both a fifth and a frame a second."""
FEW = 100
"""Events in the outbox that are no backlog: one that comes and goes is not told."""


class Summary:
    """What was told last, and whether it is time to tell it anew."""

    def __init__(self) -> None:
        self.due = float("-inf")
        self._told: dict[str, Any] = {}
        self._figures = Bucket(1 / FIGURES_S, FIGURES_BURST)

    def take(self, health: Health, now: float) -> bytes | None:
        """The payload, where it is worth telling. now: time.monotonic(). Not to be asked again before `due`."""
        self.due = now + EVERY_S
        body = _body(health)
        if _facts(body) == _facts(self._told) and not (_moved(self._told, body) and self._figures.take(now)):
            return None
        self._told = body
        return encode({"schema": SCHEMA, **body, "at": isotime(health.at), "clock": clock_word(health.synced)})


def _body(health: Health) -> dict[str, Any]:
    outbox = health.outbox
    return {
        "device": health.device,
        "boot_id": health.boot_id,
        "cameras": {name: {"status": c.status, "fps": round(c.fps_in, 1)} for name, c in health.cameras.items()},
        "engines": {name: engine.state for name, engine in health.engines.items()},
        "alerts": [{key: alert[key] for key in ("code", "subject", "severity")} for alert in health.alerts],
        "outbox": None if outbox is None else {"depth": outbox.depth},
    }


def _facts(body: dict[str, Any]) -> Any:
    """What is told at once: all but figures."""
    if not body:
        return None
    states = {name: camera["status"] for name, camera in body["cameras"].items()}
    return body["boot_id"], states, body["engines"], sorted(map(str, body["alerts"]))


def _moved(told: dict[str, Any], body: dict[str, Any]) -> bool:
    """Whether a figure has, of the same cameras: a rate, or how many digits the backlog has."""
    if _digits(told) != _digits(body):
        return True
    for name, camera in body["cameras"].items():
        before, now = told["cameras"][name]["fps"], camera["fps"]
        if abs(now - before) >= max(FAR_FPS, FAR_SHARE * before):
            return True
    return False


def _digits(body: dict[str, Any]) -> int:
    depth = body["outbox"]["depth"] if body["outbox"] else 0
    return len(str(depth)) if depth >= FEW else 0
