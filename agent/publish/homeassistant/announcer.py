"""Announces the device to Home Assistant, and takes back what is gone."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Protocol

from agent.publish.homeassistant.birth import Birth
from agent.publish.homeassistant.documents import MIGRATE, components, documents, superseded
from agent.publish.homeassistant.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from agent.config.model import Config
    from agent.publish.homeassistant.presence import Presence
    from agent.publish.message import Message

MIGRATION_S = 5.0
"""What Home Assistant has to take over its entities, once the broker has both, before the old documents go."""
TAKEN_S = 3.0
"""What it has to make entities of the documents. One that expires, as all that are read from `health`, is unavailable
from then until it hears something."""


class Broker(Protocol):
    """What is needed of the publisher."""

    @property
    def connected(self) -> bool: ...

    def retain(self, topic: str, payload: bytes) -> None: ...

    def again(self, topics: Iterable[str]) -> None:
        """Sends these retained values again, though they have not changed."""


class Announcer:
    """For the main thread, but for `heard`. folder: the state directory. draw: 0 to 1, for the delay."""

    def __init__(self, config: Config, broker: Broker, folder: Path, draw: Callable[[], float] = random.random) -> None:
        self._broker = broker
        self._draw = draw
        self.use(config)
        self._memory = Memory(folder)
        self._presence: Presence | None = None
        self._topics: tuple[str, ...] = ()
        self._gone: tuple[str, ...] = ()
        self._leaving: tuple[str, ...] = ()
        self._leaving_since: float | None = None
        self._told = False
        self._told_at: float | None = None

    def use(self, config: Config) -> None:
        """Where Home Assistant's birth is heard from now on."""
        self._birth = Birth(f"{config.homeassistant.prefix}/status", self._draw)

    def announce(self, presence: Presence) -> None:
        """Home Assistant shall know this. Cheap if it is what was announced last.

        Before the publisher is started, so that no entity's state is cleared before the entity is gone.
        """
        if presence == self._presence:
            return
        now, before = documents(presence, self._memory.topics), self._memory.topics
        self._presence, self._topics = presence, tuple(now)
        vanished = [topic for topic in before if topic not in now]
        self._memory.add(components(presence))
        self._leaving = tuple(topic for topic in vanished if superseded(topic, self._topics))
        self._leaving_since = None
        self._gone = tuple(topic for topic in vanished if topic not in self._leaving)
        for topic in vanished:
            self._broker.retain(topic, MIGRATE if topic in self._leaving else b"")
        for topic, payload in now.items():
            self._broker.retain(topic, payload)
        self._told, self._told_at = bool(now), None

    def heard(self, message: Message) -> None:
        """From any thread."""
        self._birth.heard(message.topic, message.payload, message.at)

    def turn(self, now: float) -> bool:
        """About once a second. now: time.monotonic(). Whether it is time to tell `health`, which is not retained."""
        if self._birth.due(now):
            self._broker.again(self._topics)
            self._told, self._told_at = bool(self._topics), None
        if not self._broker.connected:
            self._leaving_since = self._told_at = None
            return False
        self._take_back(now)
        return self._taken(now)

    def _taken(self, now: float) -> bool:
        """Whether Home Assistant has taken, by now, what it was told last; once."""
        if not self._told:
            return False
        self._told_at = now if self._told_at is None else self._told_at
        taken = now - self._told_at >= TAKEN_S
        self._told = not taken
        return taken

    def _take_back(self, now: float) -> None:
        if self._gone:
            self._memory.drop(self._gone)
            self._gone = ()
        if not self._leaving:
            return
        if self._leaving_since is None:
            self._leaving_since = now
        elif now - self._leaving_since >= MIGRATION_S:
            for topic in self._leaving:
                self._broker.retain(topic, b"")
            self._gone, self._leaving = self._leaving, ()

    def owns(self, topic: str) -> bool:
        """Whether this retained topic is wanted: nobody else may empty it."""
        return topic in self._topics or topic in self._leaving
