"""What can be switched, set or pressed, as far as the commands for it are allowed.

The state is always the one that the agent tells: a command that is refused changes nothing on the screen either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.publish.homeassistant.presence import Entity
from agent.publish.homeassistant.templates import flag, value
from agent.publish.payloads import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.config.model import CameraConfig
    from agent.publish.topics import Topics


def controls(camera: CameraConfig, topics: Topics, commands: Sequence[str]) -> list[Entity]:
    made = []
    if "camera.set" in commands:
        made += [_detection(camera, topics), _confidence(camera, topics)]
    if "snapshot" in commands:
        made.append(_snapshot(camera, topics))
    return made


def _detection(camera: CameraConfig, topics: Topics) -> Entity:
    def payload(enabled: bool) -> str:
        return encode({"camera": camera.id, "enabled": enabled}).decode()

    body = {
        "name": "Detection",
        "state_topic": topics.camera_state(camera.id),
        "value_template": flag("value_json.enabled"),
        "state_on": "ON",
        "state_off": "OFF",
        "command_topic": topics.command("camera.set"),
        "payload_on": payload(True),
        "payload_off": payload(False),
    }
    return Entity("Detection", "switch", body)


def _confidence(camera: CameraConfig, topics: Topics) -> Entity:
    body = {
        "name": "Confidence",
        "entity_category": "config",
        "min": 0,
        "max": 1,
        "step": 0.01,
        "mode": "slider",
        "state_topic": topics.camera_state(camera.id),
        "value_template": value("value_json.confidence"),
        "command_topic": topics.command("camera.set"),
        "command_template": f'{{"camera":"{camera.id}","confidence":{{{{ value }}}}}}',
    }
    return Entity("Confidence", "number", body)


def _snapshot(camera: CameraConfig, topics: Topics) -> Entity:
    body = {
        "name": "Take snapshot",
        "command_topic": topics.command("snapshot"),
        "payload_press": encode({"camera": camera.id}).decode(),
    }
    return Entity("Take", "button", body)
