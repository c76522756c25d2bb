"""A client that hears topics of one broker, over broker restarts, and may say something: for those who look on."""

from __future__ import annotations

import logging
import secrets
import threading
from typing import TYPE_CHECKING

from agent.backoff import Backoff
from agent.publish.faults import REFUSED_FROM, LinkError
from agent.publish.link import MQTT5
from agent.publish.opening import open_link

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.publish.endpoint import Endpoint
    from agent.publish.faults import BrokerFault
    from agent.publish.link import Link
    from agent.publish.message import Answer, Message

RETRY_S, RETRY_MOST_S = 0.2, 2.0

log = logging.getLogger("vedette.mqtt")


class Subscriber:
    """Calls `on_message` on its own thread with each message, retained ones first after each connect.

    MQTT 5, or 3.1.1 where the broker refuses 5; QoS 1. client_id: default `vedette-<verb>-<random>`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        topics: Sequence[str],
        on_message: Callable[[Message], None],
        *,
        verb: str = "tail",
        protocol: int = MQTT5,
    ) -> None:
        """protocol: what to try first; 4 spares a broker known to speak only 3.1.1 a refusal."""
        self._endpoint = endpoint
        self._topics = list(topics)
        self._on_message = on_message
        self._link: Link | None = None
        self._client_id = f"vedette-{verb}-{secrets.token_hex(4)}"
        self._version = protocol
        self._stopping = threading.Event()
        self._subscribed = threading.Event()
        self._backoff = Backoff(RETRY_S, RETRY_MOST_S)
        self._thread = threading.Thread(target=self._run, name="subscriber", daemon=True)
        self._error: str | None = None

    def start(self, timeout: float = 5.0) -> None:
        """Returns once the broker has confirmed the subscription. Raises ConnectionError with the cause."""
        self._thread.start()
        if not self._subscribed.wait(timeout):
            self.stop()
            raise ConnectionError(self._error or f"{self._endpoint.place} did not answer within {timeout:g} s")

    @property
    def client_id(self) -> str:
        return self._client_id

    def publish(
        self, topic: str, payload: bytes, *, response_topic: str | None = None, correlation: bytes | None = None
    ) -> bool:
        """QoS 1, not retained; lost with the connection. False without one. From any thread."""
        link = self._link
        if link is None:
            return False
        link.publish(topic, payload, qos=1, retain=False, correlation=correlation, response_topic=response_topic)
        return True

    @property
    def error(self) -> str | None:
        """Why nothing is heard now; None while the broker serves the subscription."""
        return None if self._subscribed.is_set() else self._error or f"{self._endpoint.place} is gone"

    def stop(self, timeout: float = 2.0) -> None:
        self._stopping.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                link = open_link(
                    self._endpoint,
                    self._client_id,
                    self._on_message,
                    first=self._version,
                    given_up=self._stopping.is_set,
                    on_fault=self._failed,
                )
            except LinkError:
                self._version = MQTT5
            else:
                self._version = link.version
                try:
                    self._listen(link)
                except Exception as error:
                    self._error = f"unexpected error: {error!r}"
                    log.exception("what %s sends cannot be heard", self._endpoint.place)
                    link.abort()
            self._stopping.wait(self._backoff.delay())

    def _failed(self, fault: BrokerFault) -> None:
        self._error = fault.text

    def _listen(self, link: Link) -> None:
        request = link.subscribe(self._topics, qos=1)
        try:
            while not self._stopping.is_set() and link.loop(0.1):
                for answer in link.answers():
                    if answer.mid == request:
                        self._answered(link, answer)
        finally:
            self._link = None
            self._subscribed.clear()
        link.close(0.5)

    def _answered(self, link: Link, answer: Answer) -> None:
        if answer.reason >= REFUSED_FROM:
            self._error = f"{self._endpoint.place} refused the subscription ({answer.name})"
            return
        self._error = None
        self._backoff.reset()
        self._link = link
        self._subscribed.set()
