"""Somebody who gives commands to a device, and hears its answers and events."""

from __future__ import annotations

import itertools
import json
import threading
from typing import TYPE_CHECKING, Any

from agent.publish.endpoint import Endpoint
from agent.publish.subscribe import Subscriber
from tests.support import unchecked
from tests.support.audience import TOPICS
from tests.support.brokers import HOST
from tests.support.contract import reply_violation

if TYPE_CHECKING:
    from agent.publish.message import Message
    from tests.support.brokers import BrokerProcess

WITHIN = 20.0


class Caller:
    """MQTT 5: a response topic and correlation data with each command.

    After each test the answers are held against what `asyncapi.yaml` says of these commands.
    """

    def __init__(self, broker: BrokerProcess, name: str = "tests") -> None:
        self.reply_to = f"{TOPICS.replies}/{name}"
        self._replies: dict[bytes, list[dict[str, Any]]] = {}
        self._asked: dict[bytes, str] = {}
        self._unchecked: list[tuple[str, bytes]] = []
        self._heard = threading.Condition()
        self._numbers = itertools.count(1)
        self.subscriber = Subscriber(Endpoint(HOST, broker.port), [self.reply_to], self._hear, verb="caller")
        self.subscriber.start()
        unchecked.called(self)

    def _hear(self, message: Message) -> None:
        with self._heard:
            key = message.correlation or b""
            self._replies.setdefault(key, []).append(json.loads(message.payload))
            self._unchecked.append((self._asked.get(key, ""), message.payload))
            self._heard.notify_all()

    def send(self, name: str, body: object = None, correlation: bytes | None = None) -> bytes:
        """body: JSON, or bytes as they are."""
        key = correlation or b"%d" % next(self._numbers)
        self._asked[key] = name
        payload = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
        assert self.subscriber.publish(TOPICS.command(name), payload, response_topic=self.reply_to, correlation=key)
        return key

    def ask(self, name: str, body: object = None, correlation: bytes | None = None) -> dict[str, Any]:
        """The answer to a command."""
        before = len(self._replies.get(correlation, ())) if correlation else 0
        key = self.send(name, body, correlation)
        with self._heard:
            assert self._heard.wait_for(lambda: len(self._replies.get(key, ())) > before, WITHIN), f"no answer: {name}"
            return self._replies[key][-1]

    def told(self, name: str, seconds: float) -> dict[str, Any]:
        """The answer to a command, or one of status `none` when none came."""
        key = self.send(name)
        with self._heard:
            self._heard.wait_for(lambda: key in self._replies, seconds)
            return self._replies.get(key, [{"status": "none"}])[-1]

    def violations(self) -> list[str]:
        with self._heard:
            told, self._unchecked = self._unchecked, []
        return [fault for name, payload in told if (fault := reply_violation(name, payload)) is not None]

    @property
    def ended(self) -> bool:
        return not self.subscriber._thread.is_alive()

    def replies(self, key: bytes) -> list[dict[str, Any]]:
        with self._heard:
            return list(self._replies.get(key, ()))

    def refused(self, name: str, body: object = None) -> str:
        """The code with which a command is refused."""
        answer = self.ask(name, body)
        assert answer["status"] in {"rejected", "expired"}, answer
        assert answer["error"]["text"]
        return str(answer["error"]["code"])
