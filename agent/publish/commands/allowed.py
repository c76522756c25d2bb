"""Which commands this device takes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.publish.commands.request import COMMANDS

if TYPE_CHECKING:
    from agent.config.model import Config

ALWAYS = frozenset({"ping", "info", "log.tail", "replay", "stream.lease"})
WITH_HOME_ASSISTANT = frozenset({"camera.set", "snapshot"})
READING = frozenset(
    {"ping", "info", "snapshot", "config.get", "config.validate", "log.tail", "stream.lease", "diagnostics"}
)
"""They change nothing that lasts: a copy that comes after a restart may be executed again."""


def allowed(config: Config) -> tuple[str, ...]:
    """In the order of the interface."""
    names = ALWAYS | set(config.remote.commands)
    if config.homeassistant.enabled:
        names |= WITH_HOME_ASSISTANT
    return tuple(name for name in COMMANDS if name in names)
