"""The publisher: keeps one connection to the broker, and what the broker knows of this device true.

Four kinds of message: `retain` for last values, which survive any outage because they are sent again in full;
`send` for live messages, which are dropped, and counted, when nobody can take them; `deliver` for events, each of
which is kept until the broker has answered, and sent in order (`outbox.py` numbers them); `show` for the latest
picture of a camera. One network thread; callers never wait for the network.

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
from agent.publish.faults import Fault, LinkError, frozen_fault, rejected_text
from agent.publish.ledger import Ledger
from agent.publish.link import MQTT5, Endpoint, Link
from agent.publish.payloads import OFFLINE, ONLINE
from agent.publish.pump import pump, send
from agent.publish.topics import Topics
from agent.publish.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.config.model import MqttConfig
    from agent.publish.counters import Counters
    from agent.publish.outbox.line import Row, Settled

_nobody: Callable[[], None] = lambda: None  # noqa: E731 - a value, not a name of its own
FLUSH_S = 1.0
GOODBYE_SHARE = 0.3
"""Of the time to stop in, what is left for `status: offline` however many events wait."""

logger = logging.getLogger("vedette.mqtt")


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
        self._endpoint = Endpoint.of(config)
        self._client_id = client_id or device
        self._topics = Topics(config.prefix, device)
        self._on_connect = on_connect
        self.on_events: Callable[[], None] = _nobody
        """Called on the network thread when events may be handed over, or `settled_events` has some; must only note."""
        self._backoff = ReconnectBackoff(config.reconnect_max)
        self._versions = Versions(protocol)
        self._complaints = Complaints(on_fault)
        self._stopping = threading.Event()
        self._deadline = self._goodbye = float("inf")
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

        self._lock = threading.Lock()  # of everything below; paho's callbacks never take it
        self._ledger = Ledger()
        self._link: Link | None = None
        self._announced = self._leaving = False
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
        return self._versions.word

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
            link = self._link if self._announced else None
            return send(link, self._ledger, topic, payload, expiry)

    def event_space(self) -> tuple[int, int]:
        """The number of this connection, 0 without one, and how many events more may be handed over now."""
        with self._lock:
            line = self._ledger.events
            return (line.session, line.space) if self._announced else (0, 0)

    def deliver(self, session: int, row: Row) -> bool:
        """An event, QoS 1, sent in order. False when it is too late for that connection, or there is no room.

        With the connection all of them are forgotten that were not answered: whoever keeps them delivers them anew.
        """
        with self._lock:
            taken = self._ledger.events.put(session, row)
            if taken:
                self._pump()
            return taken

    def settled_events(self) -> list[Settled]:
        """What became of events, since the last call."""
        with self._lock:
            settled = self._ledger.events.settled_rows
            return [settled.popleft() for _ in range(len(settled))]

    def confirm_events(self, numbers: list[int]) -> None:
        """These answers are on the disk: as many more may be sent."""
        with self._lock:
            self._ledger.events.confirm(numbers)
            self._pump()

    def withdraw_events(self) -> None:
        """Forgets the events that were handed over; those that fly may arrive all the same."""
        with self._lock:
            if self._ledger.events.session:
                self._ledger.events.open()

    def show(self, topic: str, payload: bytes) -> None:
        """A camera's latest picture: QoS 0, retained for 24 h, at most one in 10 s; the newest is kept."""
        with self._lock:
            self._ledger.shown.put(topic, payload, time.monotonic())
            self._pump()

    def tick(self, now: float) -> None:
        """To be called about once a second with time.monotonic(): notices a broker that has ceased to answer.

        TCP may take minutes for that, the keepalive twice its 15 s. An idle broker is asked for a sign of life.
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
        """Sends the events that wait, then `status: offline`, and disconnects, all within `timeout` s."""
        with self._lock:
            self._deadline = time.monotonic() + timeout
            self._goodbye = self._deadline - GOODBYE_SHARE * timeout
            self._stopping.set()
            if self._ledger.events.empty:
                self._say_offline()
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
        link = Link(self._endpoint, self._client_id, self._versions.now, will=(self._topics.status, OFFLINE))
        try:
            link.open(self._stopping.is_set)
        except LinkError as error:
            if self._versions.failed(self._endpoint.place, link.refused, error.fault):
                return None
            raise
        self._complaints.last_error = None
        with self._lock:
            if not self._leaving:
                self._ledger.retained.forget(self._topics.status)
            self._ledger.opened(link.window, time.monotonic())
            self._link = link
        try:
            self._settle(link)
            return self._serve(link)
        finally:
            with self._lock:
                self._link = self._frozen = None
                self._announced = False
                self._ledger.closed()
            self._versions.ended()

    def _serve(self, link: Link) -> Fault | None:
        while not self._stopping.is_set():
            alive = link.loop(0.5)
            self._settle(link)
            if not alive:
                return link.closed_by()
            if self._frozen is not None:
                link.abort()
                return self._frozen
        self._leave(link)
        return None

    def _leave(self, link: Link) -> None:
        """Events that wait, then `offline`, each for as long as its part of the deadline allows."""
        alive = self._turn_until(link, self._goodbye, lambda: self._ledger.events.empty)
        with self._lock:
            self._say_offline()
        alive = alive and self._turn_until(link, self._deadline, lambda: self._ledger.retained.settled)
        if alive:
            link.close(max(0.0, min(FLUSH_S, self._deadline - time.monotonic())))

    def _say_offline(self) -> None:
        """The lock is held."""
        self._leaving = True
        self._ledger.retained.put(self._topics.status, OFFLINE)
        self._pump()

    def _turn_until(self, link: Link, deadline: float, done: Callable[[], bool]) -> bool:
        """False once the connection is closed. done: asked with the lock held."""
        while time.monotonic() < deadline:
            with self._lock:
                if done():
                    break
            if not link.loop(0.1):
                return False
            self._settle(link)
        return True

    def _settle(self, link: Link) -> None:
        """Books the answers, sends what waited for them, announces the device once all else is out."""
        now = time.monotonic()
        with self._lock:
            for answer in link.answers():
                self._ledger.book(answer.mid, answer.reason, answer.name, now)
            announced = self._announce()
            self._pump()
            refused = self._ledger.take_refused()
            told = announced or bool(self._ledger.events.settled_rows)
        if told:
            self.on_events()
        for topic, name in refused:
            self._complaints.say(rejected_text(topic, name))
        if announced:
            self._complaints.opened(self._endpoint.place, self.protocol)
            if self._on_connect is not None:
                self._on_connect()

    def _announce(self) -> bool:
        """Sends `online` after the last retained value; True once that is acknowledged. The lock is held."""
        retained, status = self._ledger.retained, self._topics.status
        if self._announced or self._leaving:
            return False
        if not retained.waiting:
            retained.put(status, ONLINE)
        self._announced = retained.holds(status, ONLINE)
        self._ledger.counters.connects += self._announced
        return self._announced

    def _pump(self) -> None:
        """The lock is held."""
        if self._link is not None:
            pump(self._link, self._ledger, time.monotonic(), announced=self._announced and not self._leaving)
