"""Whether somebody is there, how many, and how many crossed a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.publish.homeassistant.names import spoken, title
from agent.publish.homeassistant.presence import Entity
from agent.publish.homeassistant.templates import flag, value
from agent.publish.topics import ALL, slug

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.config.model import CameraConfig
    from agent.publish.topics import Topics


def labels(camera: CameraConfig, counted: Sequence[str], only: Sequence[str] = ()) -> dict[str, bool]:
    """The labels that have entities of their own, beside the sum, and whether Home Assistant shows these at once.

    counted: what has been seen, if the camera does not name its labels; it may become much, so these start disabled.
    only: those of a zone or a line; empty for all.
    """
    named = [rule.label for rule in camera.labels]
    found = {label: bool(named or only) for label in named or counted}
    wanted = set(only) or found.keys()
    slugs: set[str] = {ALL}
    for label in list(found):
        if label not in wanted or slug(label) in slugs:
            del found[label]
        slugs.add(slug(label))
    return found


def places(camera: CameraConfig, topics: Topics, counted: Sequence[str]) -> list[Entity]:
    """The whole picture, then each zone."""
    entities = _place(camera, topics, "", "", labels(camera, counted))
    for zone in camera.zones:
        entities += _place(camera, topics, zone.id, spoken(zone.name, zone.id), labels(camera, counted, zone.labels))
    return entities


def _place(camera: CameraConfig, topics: Topics, zone: str, name: str, found: dict[str, bool]) -> list[Entity]:
    before = f"Zone_{zone}_" if zone else ""
    entities = []
    for label, shown in {ALL: True, **found}.items():
        whose = "" if label == ALL else label
        occupied = {
            "name": title(name, whose, "occupancy"),
            "device_class": "occupancy",
            "state_topic": topics.occupancy(camera.id, label, zone),
            "value_template": flag("value_json.occupied"),
            **_shown(shown),
        }
        count = {
            "name": title(name, whose or "object", "count"),
            "state_class": "measurement",
            "state_topic": topics.count(camera.id, label, zone),
            "value_template": value("value_json.count"),
            **_shown(shown),
        }
        entities += [
            Entity(f"{before}Occupancy_{slug(label)}", "binary_sensor", occupied, watching=True),
            Entity(f"{before}Count_{slug(label)}", "sensor", count, watching=True),
        ]
    return entities


def lines(camera: CameraConfig, topics: Topics, counted: Sequence[str]) -> list[Entity]:
    """Totals, which only grow."""
    return [
        Entity(
            f"Line_{line.id}_{way.capitalize()}_{slug(label)}",
            "sensor",
            {
                "name": title(spoken(line.name, line.id), "" if label == ALL else label, way),
                "state_class": "total_increasing",
                "state_topic": topics.line_count(camera.id, line.id, label),
                "value_template": value(f"value_json['{way}']"),
                **_shown(shown),
            },
            watching=True,
        )
        for line in camera.lines
        for label, shown in {ALL: True, **labels(camera, counted, line.labels)}.items()
        for way in ("in", "out")
    ]


def _shown(shown: bool) -> dict[str, Any]:
    return {} if shown else {"enabled_by_default": False}
