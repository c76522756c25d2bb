"""The discovery messages, in either form. Pure.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.publish.homeassistant.agent import agent_device
from agent.publish.homeassistant.availability import alive, watching
from agent.publish.homeassistant.camera import camera_device
from agent.publish.payloads import encode
from agent.publish.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.publish.homeassistant.presence import Device, Entity, Presence

Components = dict[str, str]
"""By key, the platform of an entity."""

MIGRATE = b'{"migrate_discovery":true}'
"""In place of a document: Home Assistant keeps its entities for a document of the other form, and their settings."""


def devices(presence: Presence) -> list[Device]:
    """The agent first, since the cameras refer to it; none unless Home Assistant is wanted."""
    config = presence.config
    if not config.homeassistant.enabled:
        return []
    topics = Topics(config.mqtt.prefix, config.device)
    return [agent_device(presence, topics), *(camera_device(presence, topics, camera) for camera in config.cameras)]


def components(presence: Presence) -> dict[str, Components]:
    """By discovery topic, the entities announced there."""
    prefix, found = presence.config.homeassistant.prefix, devices(presence)
    if presence.form == "device":
        return {_device_topic(prefix, d): {e.key: e.platform for e in d.entities} for d in found}
    return {_entity_topic(prefix, d, e): {e.key: e.platform} for d in found for e in d.entities}


def documents(presence: Presence, before: Mapping[str, Components] | None = None) -> dict[str, bytes]:
    """The payloads by topic, in the order to send them.

    before: what was announced at some time, as `components` has it. What of it has gone from a document is named there
    by its platform alone, which takes it from Home Assistant.
    """
    config = presence.config
    topics = Topics(config.mqtt.prefix, config.device)
    prefix, origin = config.homeassistant.prefix, {"name": "vedette", "sw_version": presence.version}
    made: dict[str, bytes] = {}
    for device in devices(presence):
        common = {"device": device.about, "origin": origin}
        if presence.form == "device":
            topic = _device_topic(prefix, device)
            gone = {key: {"platform": platform} for key, platform in (before or {}).get(topic, {}).items()}
            made[topic] = encode({**common, **_document(topics, device, gone)})
        else:
            for entity in device.entities:
                body = {**common, **_options(device, entity), **_needs(topics, device, entity)}
                made[_entity_topic(prefix, device, entity)] = encode(body)
    return made


def superseded(topic: str, now: Sequence[str]) -> bool:
    """Whether a topic of former documents is of the other form than those of `now`, for a device still there."""
    form, device = _form(topic)
    return any(_form(other) == (not form, device) for other in now)


def _form(topic: str) -> tuple[bool, str]:
    """Whether it is a device's document, and that device's unique id."""
    *_, third, second, _config = topic.split("/")
    return (True, second) if third == "device" else (False, third)


def _device_topic(prefix: str, device: Device) -> str:
    return f"{prefix}/device/{device.unique}/config"


def _entity_topic(prefix: str, device: Device, entity: Entity) -> str:
    return f"{prefix}/{entity.platform}/{device.unique}/{entity.key}/config"


def _document(topics: Topics, device: Device, gone: Mapping[str, Any]) -> dict[str, Any]:
    """What most entities need stands once for all of them, and once more at each of the others."""
    common = watching(topics, device.camera) if device.camera else alive(topics)
    present = {}
    for entity in device.entities:
        needs = _needs(topics, device, entity)
        own = {} if needs["availability"] == common else needs
        present[entity.key] = {"platform": entity.platform, **_options(device, entity), **own}
    return {"availability": common, "availability_mode": "all", "components": {**gone, **present}}


def _options(device: Device, entity: Entity) -> dict[str, Any]:
    return {"unique_id": f"{device.unique}_{entity.key}", "qos": 1, **entity.body}


def _needs(topics: Topics, device: Device, entity: Entity) -> dict[str, Any]:
    needed = watching(topics, device.camera) if entity.watching else alive(topics)
    return {"availability": needed, "availability_mode": "all"}
