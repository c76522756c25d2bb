"""What of a camera is another when its config changes. Pure."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.config.model import CameraConfig, Config

SOURCE = (
    "source",
    "kind",
    "username",
    "password",
    "tls",
    "transport",
    "timeout",
    "rotate",
    "pace",
    "loop",
    "hwaccel",
)
"""Keys of a camera for which its source must be opened anew."""


def reopens(before: CameraConfig, after: CameraConfig) -> bool:
    """Whether the source is another, or is read in another way."""
    keys = (*SOURCE, "fps") if after.kind == "folder" else SOURCE  # there it is the rate of the pictures
    return any(getattr(before, key) != getattr(after, key) for key in keys)


def same(before: Config, after: Config) -> bool:
    """Whether both say the same, wherever it stands and whatever is warned of."""
    return replace(before, file="", warnings=()) == replace(after, file="", warnings=())


def changed(before: Config, after: Config) -> list[str]:
    """The keys that differ, cameras by their ids: `mqtt`, `cameras.gate`."""
    found = [
        field.name
        for field in fields(before)
        if field.compare
        and field.name not in {"cameras", "file", "warnings"}
        and getattr(before, field.name) != getattr(after, field.name)
    ]
    old = {camera.id: camera for camera in before.cameras}
    new = {camera.id: camera for camera in after.cameras}
    return found + [f"cameras.{name}" for name in {**old, **new} if old.get(name) != new.get(name)]


def begins_anew(before: Config, after: Config) -> list[str]:
    """The keys among those that differ for which the daemon starts again, in place: of topics, and of what is kept."""
    pairs = {
        "device": (before.device, after.device),
        "mqtt.prefix": (before.mqtt.prefix, after.mqtt.prefix),
        "outbox": (before.outbox, after.outbox),
    }
    return [key for key, (old, new) in pairs.items() if old != new]
