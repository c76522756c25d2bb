"""The publisher: keeps one connection to the broker, and what the broker knows of this device true.

Three kinds of message (the third, the outbox, comes with events): `retain` for last values, which survive any
outage because they are sent again in full; `send` for live messages, which are dropped, and counted, when
nobody can take them. One network thread; callers never wait for the network.

The client id is the device id, so that a broker's rules may use it (mosquitto: `pattern write
vedette/1/%c/#`), and so that a second daemon of the same name is noticed: the broker ends the older
connection and says why.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from agent.config.redact import redact
from agent.publish.backoff import ReconnectBackoff
from agent.publish.complaints import Complaints
from agent.publish.faults import UNSUPPORTED_VERSION, Fault, LinkError, frozen_fault, rejected_text
from agent.publish.ledger import Ledger
from agent.publish.link import MQTT5, MQTT311, Endpoint, Link
from agent.publish.payloads import OFFLINE, ONLINE
from agent.publish.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.config.model import MqttConfig
    from agent.publish.counters import Counters

HEADER_BYTES = 32
FLUSH_S = 1.0

logger = logging.getLogger("vedette.mqtt")


def endpoint_of(config: MqttConfig) -> Endpoint:
    tls = config.tls if config.tls_enabled else None
    return Endpoint(config.host, config.port, config.username, config.password, tls)


class Publisher:
    """Publishes one device. All methods may be called from any thread, and none but `stop` ever waits.

    on_connect: called after each announcement. on_fault: called with each new `last_error`. Both run on the
    network thread and must only note what they were told. protocol: what to try first; MQTT311 spares a
    broker known to speak only that a refusal.
    """

    def __init__(
        self,
        config: MqttConfig,
        device: str,
        client_id: str | None = None,
        *,
        on_connect: Callable[[], None] | None = None,
        on_fault: Callable[[str], None] | None = None,
        protocol: int = MQTT5,
    ) -> None:
        self._endpoint = endpoint_of(config)
        self._client_id = client_id or device
        self._topics = Topics(config.prefix, device)
        self._on_connect = on_connect
        self._backoff = ReconnectBackoff(config.reconnect_max)
        self._version = self._preferred = protocol
        self._complaints = Complaints(on_fault)
        self._stopping = threading.Event()
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

        self._lock = threading.Lock()  # of everything below; paho's callbacks never take it
        self._ledger = Ledger()
        self._link: Link | None = None
        self._announced = False
        self._frozen: Fault | None = None

    def start(self) -> None:
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether the broker has acknowledged `status: online` on the present connection."""
        return self._announced

    @property
    def counters(self) -> Counters:
        with self._lock:
            return self._ledger.counters.copy()

    @property
    def last_error(self) -> str | None:
        """What keeps messages from the broker now, and the fix; None while all is well."""
        return self._complaints.last_error

    @property
    def protocol(self) -> str:
        """What is spoken, or will be tried next: `MQTT 5` or `MQTT 3.1.1`."""
        return "MQTT 5" if self._version == MQTT5 else "MQTT 3.1.1"

    def retain(self, topic: str, payload: bytes) -> None:
        """The topic's value is now `payload`: QoS 1, sent again on every connect, not when unchanged.

        An empty payload clears the topic. `status` belongs to the publisher itself.
        """
        with self._lock:
            self._ledger.retained.put(topic, payload)
            self._pump()

    def send(self, topic: str, payload: bytes, expiry: float | None = None) -> bool:
        """A live message, QoS 0. False when dropped: offline, too much unsent, too large for the broker.

        expiry: seconds after which the broker need not deliver it any more.
        """
        with self._lock:
            link = self._link
            if link is None or not self._announced:
                cause = "offline"
            elif self._ledger.full:
                cause = "backlog"
            elif link.largest is not None and len(payload) + len(topic) + HEADER_BYTES > link.largest:
                cause = "too_large"
            else:
                mid = link.publish(topic, payload, qos=0, retain=False, expiry=expiry)
                self._ledger.live(mid, len(payload))
                return True
            self._ledger.counters.dropped[cause] += 1
            return False

    def tick(self, now: float) -> None:
        """To be called about once a second with time.monotonic(): notices a broker that has ceased to answer.

        TCP may take minutes for that, and the keepalive twice its 15 s. Where nothing is in flight that must
        be answered, the broker is asked for a sign of life after 5 s.
        """
        with self._lock:
            if self._link is None:
                return
            seconds = self._ledger.frozen_for(now)
            if seconds is not None:
                self._frozen = frozen_fault(self._endpoint.place, seconds)
            elif self._ledger.probe_due(now):
                mid = self._link.probe(f"{self._topics.root}/probe")
                if mid is not None:
                    self._ledger.probed(mid, now)

    def stop(self, timeout: float) -> None:
        """Publishes `status: offline`, waits for its answer and disconnects, all within `timeout` s."""
        with self._lock:
            self._deadline = time.monotonic() + timeout
            self._stopping.set()
            self._ledger.retained.put(self._topics.status, OFFLINE)
            self._pump()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            lasted = 0.0
            try:
                fault = self._session()
                lasted = time.monotonic() - began
                if fault is None or self._stopping.is_set():
                    continue
                fault = self._complaints.ended(fault, lasted, self._endpoint.place, self._client_id)
                self._complaints.say(fault.text)
            except LinkError as error:
                fault = error.fault
                self._complaints.say(fault.text)
            except Exception as error:  # noqa: BLE001 - the thread must outlive any surprise from paho
                fault = Fault("closed", redact(f"unexpected error in the MQTT connection: {error!r}"))
                self._complaints.say(fault.text, trace=True)
            self._stopping.wait(self._backoff.after(lasted, slow=fault.slow))

    def _session(self) -> Fault | None:
        """One connection from start to end. None: try again at once. Raises LinkError if none was made."""
        link = Link(self._endpoint, self._client_id, self._version, will=(self._topics.status, OFFLINE))
        try:
            link.open(self._stopping.is_set)
        except LinkError as error:
            if self._negotiated(link, error.fault):
                return None
            raise
        self._complaints.last_error = None
        with self._lock:
            if not self._stopping.is_set():
                self._ledger.retained.forget(self._topics.status)
            self._ledger.opened(link.window, time.monotonic())
            self._link = link
            self._pump()
        try:
            return self._serve(link)
        finally:
            with self._lock:
                self._link = self._frozen = None
                self._announced = False
                self._ledger.closed()
            self._version = self._preferred

    def _negotiated(self, link: Link, fault: Fault) -> bool:
        """Whether another protocol version is worth an attempt at once; `_version` is changed then.

        A broker without MQTT 5 should say so in its CONNACK, and that is remembered. Some only close, or wait
        for ever: then 3.1.1 is tried once, and 5 again with the next connection, as the broker may just have
        been slow.
        """
        if self._version == MQTT311:
            self._version = self._preferred
            return False
        refused = link.refused == UNSUPPORTED_VERSION
        if refused:
            logger.info("%s speaks MQTT 3.1.1 only: it cannot say which topics it refuses", self._endpoint.place)
            self._preferred = MQTT311
        elif fault.kind != "silent":
            return False
        self._version = MQTT311
        return True

    def _serve(self, link: Link) -> Fault | None:
        while not self._stopping.is_set():
            alive = link.loop(0.5)
            self._settle(link)
            if not alive:
                return link.closed_by()
            if self._frozen is not None:
                link.abort()
                return self._frozen
        while time.monotonic() < self._deadline:
            with self._lock:
                if self._ledger.retained.settled:
                    break
            if not link.loop(0.1):
                return None
            self._settle(link)
        link.close(max(0.0, min(FLUSH_S, self._deadline - time.monotonic())))
        return None

    def _settle(self, link: Link) -> None:
        """Books the answers, sends what waited for them, announces the device once all else is out."""
        rejected: list[tuple[str, str]] = []
        now = time.monotonic()
        with self._lock:
            for answer in link.answers():
                topic = self._ledger.book(answer.mid, answer.reason, answer.name, now)
                if topic is not None:
                    rejected.append((topic, answer.name))
            announced = self._announce()
            self._pump()
        for topic, name in rejected:
            self._complaints.say(rejected_text(topic, name))
        if announced:
            self._complaints.opened(self._endpoint.place, self.protocol)
            if self._on_connect is not None:
                self._on_connect()

    def _announce(self) -> bool:
        """Sends `online` after the last retained value; True once that is acknowledged. The lock is held."""
        retained, status = self._ledger.retained, self._topics.status
        if self._announced or self._stopping.is_set():
            return False
        if not retained.waiting:
            retained.put(status, ONLINE)
        self._announced = retained.holds(status, ONLINE)
        self._ledger.counters.connects += self._announced
        return self._announced

    def _pump(self) -> None:
        """Hands over every value that may go now. The lock is held."""
        if self._link is None:
            return
        while (value := self._ledger.retained.take()) is not None:
            mid = self._link.publish(*value, qos=1, retain=True)
            self._ledger.retained.sent(mid, *value, time.monotonic())
