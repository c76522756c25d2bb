"""A subscriber that keeps everything it heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.publish.subscribe import Subscriber
from agent.publish.topics import Topics
from tests.support.brokers import HOST

if TYPE_CHECKING:
    from agent.publish.message import Message
    from tests.support.brokers import BrokerProcess

DEVICE = "gate"
TOPICS = Topics("", DEVICE)


class Audience:
    """Everything a subscriber heard, in order."""

    def __init__(self, broker: BrokerProcess) -> None:
        self.messages: list[Message] = []
        self.subscriber = Subscriber(HOST, broker.port, ["#"], self.messages.append, verb="test")
        self.subscriber.start()

    def heard(self) -> list[tuple[str, bytes]]:
        return [(m.topic, m.payload) for m in self.messages]

    def statuses(self) -> list[bytes]:
        return [m.payload for m in self.messages if m.topic == TOPICS.status]
