"""A subscriber that keeps everything it heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from agent.publish.endpoint import Endpoint
from agent.publish.link import MQTT5
from agent.publish.subscribe import Subscriber
from agent.publish.topics import Topics
from tests.support import unchecked
from tests.support.brokers import HOST
from tests.support.contract import violation

if TYPE_CHECKING:
    from agent.publish.message import Message


class HasPort(Protocol):
    """A broker on loopback."""

    @property
    def port(self) -> int: ...


DEVICE = "gate"
TOPICS = Topics("", DEVICE)


class Audience:
    """Everything a subscriber heard, in order.

    After each test what it heard is held against `asyncapi.yaml`, unless the test has the mark `made_up`.
    """

    def __init__(self, broker: HasPort) -> None:
        self.messages: list[Message] = []
        self._checked = 0
        self.subscriber = Subscriber(Endpoint(HOST, broker.port), ["#"], self.messages.append, verb="test")
        self.subscriber.start()
        unchecked.called(self)

    def heard(self) -> list[tuple[str, bytes]]:
        return [(m.topic, m.payload) for m in self.messages]

    def values(self) -> dict[str, bytes]:
        """The latest by topic."""
        return dict(self.heard())

    def statuses(self) -> list[bytes]:
        return [m.payload for m in self.messages if m.topic == TOPICS.status]

    def violations(self) -> list[str]:
        """What of the messages since the last call breaks the contract."""
        messages = self.messages[self._checked :]
        self._checked += len(messages)
        expires = self.subscriber._version == MQTT5
        return [fault for message in messages if (fault := violation(message, expires=expires)) is not None]

    @property
    def ended(self) -> bool:
        return not self.subscriber._thread.is_alive()
