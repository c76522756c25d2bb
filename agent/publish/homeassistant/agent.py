"""The entities of the agent itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.publish.homeassistant.presence import Device, Entity
from agent.publish.homeassistant.templates import flag, member, quoted, rounded, value
from agent.publish.topics import slug

if TYPE_CHECKING:
    from agent.publish.homeassistant.presence import Presence
    from agent.publish.topics import Topics

_MIB = 1 << 20


def agent_device(presence: Presence, topics: Topics) -> Device:
    about = {
        "identifiers": [presence.device_uid],
        "name": presence.config.name or presence.config.device,
        "manufacturer": "Vedette",
        "model": presence.board or "Vedette",
        "sw_version": presence.version,
    }
    entities = [*_health(presence, topics), *_engines(presence, topics), *_updates(presence, topics)]
    if "restart" in presence.commands:
        entities.append(_restart(topics))
    return Device(presence.device_uid, about, entities)


def from_health(presence: Presence, topics: Topics, **options: Any) -> dict[str, Any]:
    """What all sensors share that are read from `health`, which is not retained: each expires with it."""
    expiry = round(max(30.0, 3 * presence.config.health.interval))
    common = {"state_topic": topics.health, "expire_after": expiry, "entity_category": "diagnostic"}
    return {**common, **options}


def problem(presence: Presence, topics: Topics, selected: str) -> Entity:
    """Whether an alert is raised. selected: one of Jinja's filters, which lets through those that matter here.

    Each alert has a topic of its own, so only `health` tells of all of them at once.
    """
    raised = f"value_json.get('alerts', []) | {selected} | list"
    body = from_health(
        presence,
        topics,
        name="Problem",
        device_class="problem",
        value_template=flag(raised),
        json_attributes_topic=topics.health,
        json_attributes_template=value(f"{{'alerts': {raised}}} | to_json"),
    )
    return Entity("Problem", "binary_sensor", body)


def _health(presence: Presence, topics: Topics) -> list[Entity]:
    cameras = ", ".join(quoted(camera.id) for camera in presence.config.cameras)

    def sensor(key: str, **options: Any) -> Entity:
        body = from_health(presence, topics, state_class="measurement", **options)
        return Entity(key, "sensor", body)

    return [
        problem(presence, topics, f"rejectattr('subject', 'in', [{cameras}])"),
        sensor(
            "Temperature",
            name="Temperature",
            device_class="temperature",
            unit_of_measurement="°C",
            value_template=rounded("value_json.temperature"),
        ),
        sensor(
            "Memory",
            name="Memory",
            device_class="data_size",
            unit_of_measurement="MiB",
            value_template=rounded(f"value_json.rss / {_MIB}"),
        ),
        sensor(
            "Outbox",
            name="Events waiting",
            unit_of_measurement="events",
            value_template=rounded("(value_json.outbox or {}).get('depth')"),
        ),
    ]


def _engines(presence: Presence, topics: Topics) -> list[Entity]:
    return [
        Entity(
            f"Inference_{slug(engine)}",
            "sensor",
            from_health(
                presence,
                topics,
                name=f"Inference {engine}",
                device_class="duration",
                state_class="measurement",
                unit_of_measurement="ms",
                value_template=rounded(member("value_json.engines", engine, "p50_ms"), 1),
            ),
        )
        for engine in presence.engines
    ]


def _updates(presence: Presence, topics: Topics) -> list[Entity]:
    """Installed versions only: nobody here knows the latest, so Home Assistant says "unknown" to that."""

    def update(key: str, name: str, version: str) -> Entity:
        body = {
            "name": name,
            "entity_category": "diagnostic",
            "state_topic": topics.info,
            "value_template": value(f"{{'installed_version': {version}}} | to_json"),
        }
        return Entity(key, "update", body)

    def revision(model: str) -> str:
        return f"value_json.models | selectattr('name', 'eq', {quoted(model)}) | map(attribute='rev') | join(',')"

    models = {slug(name): update(f"Model_{slug(name)}", f"Model {name}", revision(name)) for name in presence.models}
    return [update("Version", "Vedette", "value_json.version"), *models.values()]


def _restart(topics: Topics) -> Entity:
    body = {
        "name": "Restart",
        "device_class": "restart",
        "entity_category": "config",
        "command_topic": topics.command("restart"),
        "payload_press": "{}",
    }
    return Entity("Restart", "button", body)
