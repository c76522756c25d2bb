"""The entities of one camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from agent.publish.homeassistant.agent import from_health, problem
from agent.publish.homeassistant.controls import controls
from agent.publish.homeassistant.happenings import happenings
from agent.publish.homeassistant.names import spoken
from agent.publish.homeassistant.numbers import lines, places
from agent.publish.homeassistant.presence import Device, Entity
from agent.publish.homeassistant.templates import member, quoted, rounded
from agent.publish.payloads import CameraStatus

if TYPE_CHECKING:
    from agent.config.model import CameraConfig
    from agent.publish.homeassistant.presence import Presence
    from agent.publish.topics import Topics


def camera_device(presence: Presence, topics: Topics, camera: CameraConfig) -> Device:
    about = {
        "identifiers": [f"{presence.device_uid}_{camera.id}"],
        "name": spoken(camera.name, camera.id),
        "manufacturer": "Vedette",
        "model": "Camera",
        "via_device": presence.device_uid,
    }
    entities = [
        *places(camera, topics, presence.counted.get(camera.id, ())),
        *lines(camera, topics, presence.counted.get(camera.id, ())),
        *happenings(presence.config.device, camera, topics),
        *controls(camera, topics, presence.commands),
        _snapshot(camera, topics),
        _status(camera, topics),
        problem(presence, topics, f"selectattr('subject', 'eq', {quoted(camera.id)})"),
        *_health(presence, topics, camera),
    ]
    return Device(f"{presence.device_uid}_{camera.id}", about, entities, camera.id)


def _snapshot(camera: CameraConfig, topics: Topics) -> Entity:
    body = {"name": "Last snapshot", "image_topic": topics.camera_snapshot(camera.id), "content_type": "image/jpeg"}
    return Entity("Snapshot", "image", body)


def _status(camera: CameraConfig, topics: Topics) -> Entity:
    body = {
        "name": "Status",
        "device_class": "enum",
        "options": list(get_args(CameraStatus)),
        "entity_category": "diagnostic",
        "state_topic": topics.camera_status(camera.id),
    }
    return Entity("Status", "sensor", body)


def _health(presence: Presence, topics: Topics, camera: CameraConfig) -> list[Entity]:
    def sensor(key: str, name: str, field: str, digits: int, unit: str) -> Entity:
        body = from_health(
            presence,
            topics,
            name=name,
            state_class="measurement",
            unit_of_measurement=unit,
            value_template=rounded(member("value_json.cameras", camera.id, field), digits),
        )
        return Entity(key, "sensor", body)

    return [
        sensor("Rate", "Frames", "fps_in", 1, "fps"),
        sensor("Inferred", "Inferences", "fps_inferred", 1, "fps"),
        sensor("Age", "Age of last frame", "frame_age", 0, "s"),
    ]
