"""The publisher: keeps one connection to the broker, and what the broker knows of this device true.

Four kinds of message: `retain` for last values, which survive any outage because they are sent again in full;
`send` for live messages, which are dropped, and counted, when nobody can take them; `deliver` for events, each of
which is kept until the broker has answered, and sent in order (`outbox/` numbers them); `show` for the latest
picture of a camera. One network thread; callers never wait for the network.

The client id is the device id, so that a broker's rules may use it (mosquitto: `pattern write
vedette/1/%c/#`), and so that a second daemon of the same name is noticed: the broker ends the older
connection and says why.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.config.redact import redact
from agent.publish.backoff import ReconnectBackoff
from agent.publish.connection_log import ConnectionLog
from agent.publish.endpoint import Endpoint
from agent.publish.faults import BrokerFault, LinkError, frozen_fault, rejected_text, unheard_text
from agent.publish.ledger import SUBSCRIPTION
from agent.publish.link import MQTT5, Link
from agent.publish.outgoing import Outgoing
from agent.publish.payloads import OFFLINE
from agent.publish.poison import PoisonMessages
from agent.publish.rate import RateLimit
from agent.publish.tls import handshake
from agent.publish.topics import Topics
from agent.publish.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from agent.config.model import MqttConfig
    from agent.publish.message import Message

FLUSH_S = 1.0
GOODBYE_SHARE = 0.3
"""Of the time to stop in, what is left for `status: offline` however many events wait."""


class Publisher(Outgoing):
    """Publishes one device. All methods may be called from any thread, and none but `stop` ever waits.

    listen: topic filters to hear, subscribed to on each connect before anything is published; on_message: called with
    what comes, on the network thread, so it must only note that. protocol: what to try first; MQTT311 spares a
    broker known to speak only that a refusal. memory: where retained topics are remembered.
    """

    def __init__(
        self,
        config: MqttConfig,
        device: str,
        *,
        listen: Sequence[str] = (),
        on_message: Callable[[Message], None] | None = None,
        protocol: int = MQTT5,
        memory: Path | None = None,
    ) -> None:
        super().__init__(Topics(config.prefix, device), memory, config.drain_rate)
        self._endpoint = Endpoint.of(config)
        self._ledger.memory.move(self._endpoint.place)
        self._client_id = device
        self._listen = tuple(listen)
        self._on_message = on_message
        self._backoff = ReconnectBackoff(config.reconnect_max)
        self._versions = Versions(protocol)
        self._connection_log = ConnectionLog()
        self._stopping = threading.Event()
        self._nudged = threading.Event()
        self._next: tuple[MqttConfig, tuple[str, ...]] | None = None
        self._deadline = self._goodbye = float("inf")
        self._frozen: BrokerFault | None = None
        self._renewed = False
        self._unfit: BrokerFault | None = None
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def use(self, config: MqttConfig, listen: Sequence[str]) -> None:
        """From now on this broker, these credentials and topic filters; connects anew where that is needed.

        `moving` until it has begun. The prefix must be as before. Events and retained values are told there.
        """
        self._backoff = ReconnectBackoff(config.reconnect_max)
        with self._lock:
            self._ledger.drain = RateLimit(config.drain_rate)
            here = (Endpoint.of(config), tuple(listen)) == (self._endpoint, self._listen)
            self._next = None if here else (config, tuple(listen))
        if not here:
            self._nudged.set()

    @property
    def moving(self) -> bool:
        """Whether the former connection, or the attempt to make one, still has to end."""
        return self._next is not None

    @property
    def last_error(self) -> str | None:
        """What keeps messages from the broker now, and the fix; None while all is well."""
        return self._connection_log.last_error

    @property
    def fault(self) -> BrokerFault | None:
        """What keeps us from the broker now; a session that another client took over for ten minutes more."""
        return self._connection_log.fault(connected=self.connected)

    @property
    def protocol(self) -> str:
        """What is spoken, or will be tried next: `MQTT 5` or `MQTT 3.1.1`."""
        return self._versions.word

    @property
    def unfit(self) -> BrokerFault | None:
        """Why renewed certificates are not used: the connection was made with the former ones, and goes on."""
        return self._unfit

    @property
    def broker_expires(self) -> float | None:
        """When the broker's certificate does, in seconds since the epoch; None if not known."""
        link = self._link
        return link.expires if link is not None else None

    def reconnect(self) -> None:
        """The certificate files have changed: connects anew with them, if that will do."""
        self._renewed = True

    def tick(self, now: float) -> None:
        """To be called about once a second with time.monotonic(): notices a broker that has ceased to answer.

        TCP may take minutes for that, the keepalive twice its 15 s. An idle broker is asked for a sign of life.
        """
        with self._lock:
            if self._link is None:
                return
            self._ledger.retry(now)
            if self._ledger.subscription_due(now):
                self._subscribe(self._link, self._listen)
            self._pump()
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
            self._nudged.set()
            if self._ledger.done:
                self._say_offline()
            if self._link is not None:
                self._link.wake()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._nudged.clear()
            self._move()
            began = time.monotonic()
            lasted = 0.0
            try:
                fault = self._session()
                lasted = time.monotonic() - began
                if fault is None or self._stopping.is_set():
                    continue
                fault = self._connection_log.ended(fault, lasted, self._endpoint.place, self._client_id)
                self._connection_log.failed(fault)
            except LinkError as error:
                fault = error.fault
                self._connection_log.failed(fault)
            except Exception as error:  # noqa: BLE001 - the thread must outlive any surprise from paho
                fault = BrokerFault("closed", redact(f"unexpected error in the MQTT connection: {error!r}"))
                self._connection_log.failed(fault, trace=True)
            self._nudged.wait(self._backoff.after(lasted, slow=fault.slow, quick=fault.quick))

    def _move(self) -> None:
        """To what `use` has said, on the network thread and without a connection."""
        with self._lock:
            if self._next is None:
                return
            config, self._listen = self._next
            self._endpoint, self._next = Endpoint.of(config), None
            self._ledger.memory.move(self._endpoint.place)
            self._ledger.poison = PoisonMessages()
        self._versions = Versions(MQTT5)
        self._unfit = None
        self._connection_log.moved()

    def _session(self) -> BrokerFault | None:
        """One connection from start to end. None: try again at once. Raises LinkError if none was made."""
        will = (self._topics.status, OFFLINE)
        link = Link(self._endpoint, self._client_id, self._versions.now, will=will, on_message=self._on_message)
        self._renewed, self._unfit = False, None
        began = time.monotonic()
        try:
            link.open(lambda: self._stopping.is_set() or self._next is not None)
        except LinkError as error:
            if self._versions.failed(self._endpoint.place, link.refused, error.fault):
                return None
            raise
        if self._versions.doubtful(time.monotonic() - began):
            link.close(FLUSH_S)
            return None
        self._connection_log.last_error = None
        self._opened(link, self._listen)
        fault = None
        try:
            self._settle(link)
            fault = self._serve(link)
        finally:
            self._closed(unexplained=fault is not None and fault.unexplained)
            self._frozen = None
            self._versions.ended()
        return fault

    def _serve(self, link: Link) -> BrokerFault | None:
        while not self._stopping.is_set():
            frozen, began = self._frozen, time.monotonic()
            alive = link.loop(0 if frozen else self._pause(0.5))
            self._settle(link)
            if not alive:
                return link.closed_by()
            if frozen is not None:
                if self._owed(began):
                    link.abort()
                    return frozen
                self._frozen = None
            if self._renewed and self._fit():
                link.close(FLUSH_S)  # without the will: nobody shall think that the device has gone
                return None
            following = self._next
            if following is not None:
                self._part(link, Endpoint.of(following[0]))
                return None
        self._leave(link)
        return None

    def _owed(self, now: float) -> bool:
        """Whether the broker seems frozen, now that what had come until `now` is read.

        After a standstill of the whole machine the main thread may be awake first, with the answers unread.
        """
        with self._lock:
            return self._ledger.frozen_for(now) is not None

    def _pause(self, longest: float) -> float:
        """How long the network thread may wait for the broker: no longer than until `mqtt.drain_rate` has one go."""
        due = self._ledger.late_due
        return longest if due is None else min(longest, max(0.0, due - time.monotonic()))

    def _part(self, link: Link, following: Endpoint) -> None:
        """With the will, where the device will not be any more."""
        if following.place == self._endpoint.place:
            link.close(FLUSH_S)
        else:
            link.abort()

    def _fit(self) -> bool:
        """Whether the broker and the renewed certificates accept each other."""
        self._renewed = False
        if self._endpoint.tls is None:
            return True
        try:
            handshake(self._endpoint.host, self._endpoint.port, self._endpoint.tls)
        except LinkError as error:
            self._unfit = replace(error.fault, what=f"the renewed certificates are not used: {error.fault.what}")
            self._connection_log.warn(self._unfit.text)
            return False
        return True

    def _leave(self, link: Link) -> None:
        """Events that wait, then `offline`, each for as long as its part of the deadline allows; else by the will."""
        alive = self._turn_until(link, self._goodbye, lambda: self._ledger.done)
        with self._lock:
            self._say_offline()
        alive = alive and self._turn_until(link, self._deadline, lambda: self._ledger.retained.settled)
        with self._lock:
            told = self._ledger.retained.settled
        if alive and told:
            link.close(max(0.0, min(FLUSH_S, self._deadline - time.monotonic())))
        else:  # the will says it
            link.abort()

    def _turn_until(self, link: Link, deadline: float, done: Callable[[], bool]) -> bool:
        """False once the connection is closed. done: asked with the lock held."""
        while time.monotonic() < deadline:
            with self._lock:
                if done():
                    break
            if not link.loop(self._pause(0.1)):
                return False
            self._settle(link)
        return True

    def _settle(self, link: Link) -> None:
        """Books what was answered, and says what that means."""
        announced, refused = self._book(link)
        for topic, name in refused:
            ours = topic == SUBSCRIPTION
            self._connection_log.say(unheard_text(self._listen, name) if ours else rejected_text(topic, name))
        if not self._ledger.refused:
            self._connection_log.last_error = None
        if announced:
            self._connection_log.opened(self._endpoint.place, self.protocol)
