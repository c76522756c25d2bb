"""Event entities: what happens to tracks, in zones and on lines, as it happens.

Late events (`historical`) would be told as if they were now, so they are not told: they are for those who keep books.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.publish.homeassistant.names import spoken, title
from agent.publish.homeassistant.presence import Entity
from agent.publish.homeassistant.templates import happening, quoted

if TYPE_CHECKING:
    from agent.config.model import CameraConfig
    from agent.publish.topics import Topics

_TRACK = ("track_uid", "label", "confidence")


def happenings(device: str, camera: CameraConfig, topics: Topics) -> list[Entity]:
    source = f"vedette/{device}/{camera.id}"

    def event(
        key: str, name: str, condition: str, kinds: dict[str, str], types: list[str], attributes: list[str]
    ) -> Entity:
        template = happening(source, condition, kinds, [*_TRACK, *attributes])
        body = {"name": name, "event_types": types, "state_topic": topics.events, "value_template": template}
        return Entity(key, "event", body)

    tracks = {"vedette.track.started": "'started'", "vedette.track.ended": "'ended'"}
    visits = {"vedette.zone.entered": "'entered'", "vedette.zone.left": "'left'"}
    crossings = {"vedette.line.crossed": "d.direction"}
    return [
        event("Track", "Track", "d.label", tracks, ["started", "ended"], ["duration", "end_reason", "snapshot"]),
        *(
            event(
                f"Visit_{zone.id}",
                title(spoken(zone.name, zone.id), "visit"),
                f"d.zone == {quoted(zone.id)}",
                visits,
                ["entered", "left"],
                ["seconds"],
            )
            for zone in camera.zones
        ),
        *(
            event(
                f"Crossing_{line.id}",
                title(spoken(line.name, line.id), "crossing"),
                f"d.line == {quoted(line.id)}",
                crossings,
                ["in", "out"],
                [],
            )
            for line in camera.lines
        ),
    ]
