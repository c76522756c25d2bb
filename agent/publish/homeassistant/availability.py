"""When an entity says something: each list must be met in full (`availability_mode: all`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.publish.homeassistant.templates import available

if TYPE_CHECKING:
    from agent.publish.topics import Topics

Conditions = list[dict[str, str]]


def alive(topics: Topics) -> Conditions:
    """The device is there."""
    return [{"topic": topics.status}]


def watching(topics: Topics, camera: str) -> Conditions:
    """The device is there, its camera delivers, and an engine looks: else nobody knows who is there."""
    return [
        *alive(topics),
        {"topic": topics.camera_status(camera), "value_template": available("value == 'online'")},
        {
            "topic": topics.camera_state(camera),
            "value_template": available("value_json is defined and value_json.engine_state in ['serving', 'degraded']"),
        },
    ]
