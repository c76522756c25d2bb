"""What there is to announce: all that the entities are made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.config.model import Config

Form = Literal["device", "entity"]
"""device: one document a device, since Home Assistant 2024.11. entity: one an entity, for those before. Never both."""


@dataclass(frozen=True, slots=True)
class Presence:
    """device_uid: 1 or more of a-z, 0-9. board: as `info` has it. models: the names in `info`. engines: their ids.

    commands: those allowed, for which there may be controls. counted: by camera, the labels that have been counted.
    """

    config: Config
    device_uid: str
    version: str
    board: str | None = None
    models: Sequence[str] = ()
    engines: Sequence[str] = ()
    commands: Sequence[str] = ()
    counted: Mapping[str, Sequence[str]] = field(default_factory=dict)
    form: Form = "device"


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity of Home Assistant.

    key: names it within its device for ever; words of ours begin with a capital, which ids and slugs never have, so
    that no two entities get one key. body: its discovery options without availability, device and unique id.
    watching: whether it says something only while its camera and engine do; else the device's life is enough.
    """

    key: str
    platform: str
    body: Mapping[str, Any]
    watching: bool = False


@dataclass(frozen=True, slots=True)
class Device:
    """A device of Home Assistant: the agent, or a camera. unique: begins every unique id; a valid topic level.

    about: the discovery option `device`. camera: its id; empty for the agent.
    """

    unique: str
    about: Mapping[str, Any]
    entities: Sequence[Entity]
    camera: str = ""
