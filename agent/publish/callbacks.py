"""What a connection hears, as paho's callbacks report it."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from agent.publish.faults import REFUSED_FROM
from agent.publish.message import Answer, Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode


class Callbacks:
    """What paho's callbacks report. They only write here: no lock, no publish, no work on the thread that calls them.

    Apart from `Link`, so that no reference cycle keeps a dropped client's sockets open until the collector
    comes.
    """

    def __init__(self, on_message: Callable[[Message], None] | None) -> None:
        self.connack: tuple[int, str] | None = None
        self.window: int | None = None
        self.largest: int | None = None
        self.best_qos = 2
        self.retains = True
        self.goodbye: tuple[int, str] | None = None
        self.closed = False
        self.delivering: int | None = None
        """The thread that hands on a message just now."""
        self.answers: deque[Answer] = deque()
        self._on_message = on_message

    def connected(self, _c: Client, _u: Any, _f: ConnectFlags, reason: ReasonCode, props: Properties | None) -> None:
        self.connack = (reason.value, reason.getName())
        self.window = getattr(props, "ReceiveMaximum", None)
        self.largest = getattr(props, "MaximumPacketSize", None)
        self.best_qos = getattr(props, "MaximumQoS", 2)
        self.retains = bool(getattr(props, "RetainAvailable", 1))

    def disconnected(
        self, _c: Client, _u: Any, flags: DisconnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self.goodbye = (reason.value, reason.getName())
        self.closed = True

    def published(self, _c: Client, _u: Any, mid: int, reason: ReasonCode, _p: Properties) -> None:
        self.answers.append(Answer(mid, reason.value, reason.getName() if reason.value >= REFUSED_FROM else ""))

    def listed(self, _c: Client, _u: Any, mid: int, reasons: list[ReasonCode], _p: Properties | None) -> None:
        worst = max(reasons, key=lambda r: r.value, default=None)
        self.answers.append(Answer(mid, worst.value if worst else 0, worst.getName() if worst else ""))

    def message(self, _c: Client, _u: Any, message: MQTTMessage) -> None:
        if self._on_message is None:
            return
        try:
            heard = _message(message, time.monotonic())
        except UnicodeDecodeError:  # a topic that is no text: some brokers pass it on
            return
        self.delivering = threading.get_ident()
        try:
            self._on_message(heard)
        finally:
            self.delivering = None


def _message(message: MQTTMessage, at: float) -> Message:
    properties = message.properties
    return Message(
        message.topic,
        bytes(message.payload),
        message.qos,
        message.retain,
        getattr(properties, "MessageExpiryInterval", None),
        at,
        getattr(properties, "ResponseTopic", None),
        getattr(properties, "CorrelationData", None),
        message.dup,
    )
