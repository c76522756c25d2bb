"""Whatever reaches the daemon over MQTT: commands, who reads the log, Home Assistant; and what is emptied there."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from agent.publish.homeassistant.announcer import Announcer
from agent.publish.homeassistant.presence import Presence
from agent.publish.tail.tail import Tail
from agent.runtime.alerts import SETTLED_S
from agent.runtime.commands.executor import CommandExecutor
from agent.runtime.expected import comes_and_goes, expected, seen

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from agent.publish.message import Message
    from agent.publish.mqtt import Publisher
    from agent.publish.payloads import Info
    from agent.publish.topics import Topics
    from agent.runtime.commands.parts import Parts
    from agent.runtime.log import Log
    from agent.runtime.state import SceneState

Labels: TypeAlias = "Mapping[str, Collection[str]]"
"""By camera, those its model knows."""


def log_tail(log: Log, topics: Topics, publisher: Publisher) -> Tail:
    return Tail(log.ring, lambda batch: publisher.send(topics.log, batch, 60.0), log.read, lambda: publisher.connected)


class Remote:
    """`heard` is called on the network thread; the rest belongs to the main thread.

    folder: the state directory.
    """

    def __init__(self, parts: Parts, labels: Labels, scenes: SceneState, folder: Path) -> None:
        self._parts = parts
        self._scenes = scenes
        self._executor = CommandExecutor(parts, folder)
        self._announcer = Announcer(parts.config, parts.publisher, folder)
        self._commands = parts.topics.command("")
        self._expected = expected(parts.config, labels)
        self._private = {camera.id: camera.privacy for camera in parts.config.cameras}
        self._settle_at: float | None = None

    @property
    def allowed(self) -> tuple[str, ...]:
        """The commands that are taken."""
        return self._executor.allowed

    def use(self, labels: Labels) -> None:
        """The parts have another config: what it does not yield any more is emptied at the broker."""
        parts, before, private = self._parts, self._expected, self._private
        self._private = {camera.id: camera.privacy for camera in parts.config.cameras}
        self._expected = expected(parts.config, labels)
        self._announcer.use(parts.config)
        self._announce(parts.info())
        # A picture from before something became private may show it.
        changed = (name for name, masks in self._private.items() if private.get(name, masks) != masks)
        parts.publisher.drop({*before.difference(self._expected), *map(parts.topics.camera_snapshot, changed)})

    def heard(self, message: Message) -> None:
        if message.topic.startswith(self._commands):
            self._executor.heard(message)
        else:
            self._announcer.heard(message)

    def start(self, now: float) -> None:
        """Before the publisher is. now: time.monotonic()."""
        self._announce(self._parts.info())
        self._settle_at = now + SETTLED_S
        # Nobody knows what was private when the run before took its pictures.
        self._parts.publisher.drop(self._parts.topics.camera_snapshot(n) for n, masks in self._private.items() if masks)
        self._parts.publisher.expect(lambda topic: self._wanted(topic) or comes_and_goes(self._parts.config, topic))

    def due(self) -> float:
        """time.monotonic() at which `turn` is wanted at the latest."""
        return min(at for at in (self._executor.due(), self._parts.tail.due(), float("inf")) if at is not None)

    def turn(self, now: float) -> None:
        """Whenever somebody woke the main thread, and when it is due."""
        self._executor.turn(now)
        self._parts.tail.turn(now)

    def tick(self, now: float) -> None:
        """About once a second."""
        self._announce(self._parts.info())
        if self._announcer.turn(now):
            self._parts.report.publish_health(now)
        if self._settle_at is not None and now >= self._settle_at:
            self._settle_at = None
            self._parts.publisher.expect(self._wanted)

    def _wanted(self, topic: str) -> bool:
        known = topic in self._expected and not seen(self._parts.config, topic)
        return known or self._announcer.owns(topic)

    def _announce(self, info: Info) -> None:
        config = self._parts.config
        self._announcer.announce(
            Presence(
                config,
                info.device_uid,
                info.version,
                board=info.board,
                models=[model.name for model in info.models],
                engines=info.engines,
                commands=info.commands,
                counted={camera.id: self._scenes.labels(camera.id) for camera in config.cameras},
                form=config.homeassistant.discovery,
            )
        )
