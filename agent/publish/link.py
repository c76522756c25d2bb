"""One MQTT connection, from connect to close.

paho's client is used for one connection and thrown away, its queues with it: what must be sent again is known
to those above. It is driven by `Link.loop` on the thread of its owner instead of paho's own `loop_start`, for
three reasons: the cause of a failed connect reaches us, an answer can choose the protocol of the next
attempt, and the wait between attempts has jitter and can be ended.

`publish` may be called from any thread. It writes at once what the socket takes, without waiting for it, and wakes the
owner's thread only for what is left: a thread that is woken for each message costs more than the message. Over TLS the
owner's thread writes everything, for OpenSSL does not read and write one connection at a time.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.publish.callbacks import Callbacks
from agent.publish.client import Client, kept_open, read_out, tune
from agent.publish.faults import (
    REFUSED_FROM,
    BrokerFault,
    LinkError,
    closed_fault,
    connect_fault,
    refusal_fault,
    unanswered_fault,
)
from agent.publish.properties import connecting, publishing
from agent.publish.tls import expires, handshake, tls_context
from agent.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Callable

    from paho.mqtt import client as paho

    from agent.publish.endpoint import Endpoint
    from agent.publish.message import Answer, Message

MQTT5, MQTT311 = 5, 4
CONNECT_S = 5.0
ANSWER_S = {MQTT5: 2.0, MQTT311: 5.0}
"""How long to wait for CONNACK. Shorter for MQTT 5, since a broker of 3.1.1 may wait for ever for the rest of a CONNECT
it misreads (amqtt does, once that holds a will or a user name; it answers others with "unsupported version")."""
KEEPALIVE_S = 15


class Link:
    """One connection. version: MQTT5 or MQTT311. will: topic and payload; QoS 1, retained."""

    def __init__(
        self,
        endpoint: Endpoint,
        client_id: str,
        version: int,
        will: tuple[str, bytes] | None = None,
        on_message: Callable[[Message], None] | None = None,
    ) -> None:
        self.version = version
        self._endpoint = endpoint
        self._client_id = client_id
        self._callbacks = callbacks = Callbacks(on_message)
        self._client = client = Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion(version), reconnect_on_failure=False
        )
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(0)  # those above know how many the broker wants
        if endpoint.username is not None:
            client.username_pw_set(endpoint.username, endpoint.password.reveal() if endpoint.password else None)
        if will is not None:
            client.will_set(will[0], will[1], qos=1, retain=True)
        client.on_connect = callbacks.connected
        client.on_disconnect = callbacks.disconnected
        client.on_publish = callbacks.published
        client.on_subscribe = callbacks.listed
        client.on_unsubscribe = callbacks.listed
        client.on_message = callbacks.message
        client.on_socket_open = tune
        client.on_socket_register_write = _leave_it
        self._writing = threading.Lock()  # paho's queue has one reader at a time
        self._wakeup = Wakeup()
        self._owner = 0
        self.expires: float | None = None
        """When the broker's certificate does, in seconds since the epoch; None if it was not verified."""
        self._poll = select.poll()
        self._poll.register(self._wakeup, select.POLLIN)

    def open(self, given_up: Callable[[], bool]) -> None:
        """Connects and waits for the broker's answer: up to 5 s each for TCP and TLS, then `ANSWER_S`.

        given_up: asked several times a second. Raises LinkError with the cause.
        """
        place = self._endpoint.place
        context = tls_context(self._endpoint.tls) if self._endpoint.tls is not None else None
        if context is not None:
            self._client.tls_set_context(context)
        try:
            if self.version == MQTT5:
                self._client.connect(
                    self._endpoint.host,
                    self._endpoint.port,
                    keepalive=KEEPALIVE_S,
                    clean_start=True,
                    properties=connecting(),
                )
            else:
                self._client.connect(self._endpoint.host, self._endpoint.port, keepalive=KEEPALIVE_S)
        except (OSError, ValueError) as error:
            if context is not None:
                context.abandon()
            tls = context is not None
            raise LinkError(connect_fault(error, self._endpoint.host, self._endpoint.port, tls=tls)) from None
        deadline = time.monotonic() + ANSWER_S[self.version]
        while self._callbacks.connack is None:
            if not self.loop(0.2) or given_up() or time.monotonic() > deadline:
                break
        if self._callbacks.connack is None:
            if self._endpoint.tls is not None and not given_up():  # with TLS 1.3 our certificate is refused this late
                handshake(self._endpoint.host, self._endpoint.port, self._endpoint.tls)
            raise LinkError(unanswered_fault(place))
        reason, name = self._callbacks.connack
        if reason >= REFUSED_FROM:
            raise LinkError(refusal_fault(reason, name, place, self._endpoint.username))
        self.expires = expires(self._client.socket())  # now: others ask later, when it may be closed

    @property
    def refused(self) -> int | None:
        """The reason of the broker's refusal, in MQTT 5's numbers; None when it gave none."""
        connack = self._callbacks.connack
        return connack[0] if connack is not None and connack[0] >= REFUSED_FROM else None

    @property
    def window(self) -> int | None:
        """How many unacknowledged QoS 1 messages the broker wants at most; None: it did not say."""
        return self._callbacks.window

    @property
    def largest(self) -> int | None:
        """The largest packet the broker takes, in bytes; None: it did not say."""
        return self._callbacks.largest

    @property
    def best_qos(self) -> int:
        """The highest QoS that the broker takes."""
        return self._callbacks.best_qos

    @property
    def retains(self) -> bool:
        """Whether the broker keeps retained messages, as far as it says."""
        return self._callbacks.retains

    def loop(self, timeout: float) -> bool:
        """Reads and writes what there is, for at most `timeout` seconds. False once closed."""
        self._owner = threading.get_ident()
        client, sock = self._client, self._client.socket()
        file = -1 if sock is None else sock.fileno()
        if file < 0 or self._callbacks.closed:
            return False
        waiting = client.ahead or (isinstance(sock, ssl.SSLSocket) and sock.pending() > 0)  # where no poll sees it
        self._poll.register(file, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
        ready = dict(self._poll.poll(0 if waiting else timeout * 1e3))
        self._poll.unregister(file)
        if ready.pop(self._wakeup.fileno(), None):
            self._wakeup.clear()
        rc = client.loop_read() if waiting or any(events & ~select.POLLOUT for events in ready.values()) else 0
        if not rc and client.want_write():
            with self._writing:
                rc = client.loop_write()
        rc = rc or client.loop_misc()
        return not (rc or self._callbacks.closed)

    def wake(self) -> None:
        """Ends the wait of `loop`. From any thread."""
        self._wakeup.set()

    def answers(self) -> list[Answer]:
        """What was answered since the last call."""
        queue = self._callbacks.answers
        return [queue.popleft() for _ in range(len(queue))]

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int,
        retain: bool,
        expiry: float | None = None,
        correlation: bytes | None = None,
        response_topic: str | None = None,
        content_type: str | None = None,
        hold: bool = False,
    ) -> int:
        """Queues a message; the answer will carry the returned number. From any thread.

        hold: more follow, and it goes with the next that is not held, or with `flush`.
        expiry: seconds the broker may keep it for a subscriber, rounded up to whole ones. correlation, response_topic:
        of a request, and the former of its answer. content_type: of what expires. All four with MQTT 5 only.
        """
        asked = (expiry, correlation, response_topic, content_type)
        properties = publishing(*asked) if self.version == MQTT5 else None
        info = self._client.publish(topic, payload, qos, retain, properties)
        while qos and info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:  # its number came round, and is not answered yet
            info = self._client.publish(topic, payload, qos, retain, properties)
        if not hold:
            self.flush()
        return info.mid

    def subscribe(self, topics: list[str], qos: int, *, as_published: bool = False) -> int | None:
        """As `publish`; None when the connection is gone.

        as_published: with MQTT 5, each message says whether it was sent as retained, not only one that was kept.
        """
        if self.version == MQTT5:
            options = SubscribeOptions(qos, retainAsPublished=as_published)
            mid = self._client.subscribe([(topic, options) for topic in topics])[1]
        else:
            mid = self._client.subscribe([(topic, qos) for topic in topics])[1]
        self.flush()
        return mid

    def probe(self, topic: str) -> int | None:
        """Asks the broker for a sign of life: to end a subscription that never was, which it must answer."""
        mid = self._client.unsubscribe(topic)[1]
        self.flush()
        return mid

    def flush(self) -> None:
        """Writes what is queued, as far as the socket takes it. From any thread.

        Whoever is writing already may be past the last packet: then the owner's thread looks for it.
        """
        if not self._client.want_write():
            return
        # paho holds a lock while it hands a message on, and takes it again where one has left.
        here = self._endpoint.tls is None and self._callbacks.delivering != threading.get_ident()
        if here and self._writing.acquire(blocking=False):
            try:
                self._client.loop_write()
            finally:
                self._writing.release()
            if not (self._client.want_write() or self._callbacks.closed):
                return
        if threading.get_ident() != self._owner:  # who looks for it anyway, once the socket takes more
            self._wakeup.set()

    def closed_by(self) -> BrokerFault:
        """Why the connection ended, as far as the broker said."""
        reason, name = self._callbacks.goodbye or (None, "")
        return closed_fault(reason, name, self._endpoint.place, self._client_id)

    def close(self, timeout: float) -> None:
        """Sends what is queued and DISCONNECT, so that the will is not sent; at most `timeout` seconds.

        The connection is held until the broker ends it: what it answers to one that is closed tells it of a reset, and
        it may send the will although DISCONNECT comes next (mosquitto does, with two messages unanswered).
        """
        deadline = time.monotonic() + timeout
        with kept_open(self._client.socket()) as sock:
            self._client.disconnect()
            while self.loop(0.05) and time.monotonic() < deadline:
                pass
            read_out(sock, deadline)

    def abort(self) -> None:
        """Ends the connection at once and without DISCONNECT, so that the broker sends the will."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # the other side was faster


def _leave_it(_client: paho.Client, _userdata: Any, _sock: Any) -> None:
    """Being set is all it is for: else paho would write in `publish` without `_writing`."""
