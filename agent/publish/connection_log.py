"""What the operator is told of a bad connection: the present fault always, a log line for each fault once."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from agent.publish.backoff import STABLE_S
from agent.publish.faults import cut_fault

if TYPE_CHECKING:
    from agent.publish.faults import BrokerFault

REMEMBERED = 256
SHORT_SESSIONS = 3
TOLD_S = 600.0
"""How long a fault that ends by itself, yet comes again, is told of."""

logger = logging.getLogger("vedette.mqtt")


class ConnectionLog:
    """Told of every fault and session; on the network thread only. `last_error` and `fault` may be read by anybody."""

    def __init__(self) -> None:
        self.last_error: str | None = None
        self._fault: tuple[BrokerFault, float] | None = None
        self._said: set[str] = set()
        self._short = 0

    def fault(self, *, connected: bool) -> BrokerFault | None:
        """What keeps us from the broker now; a session that another client took over for ten minutes more."""
        told = self._fault  # once: the network thread may clear it
        if told is None:
            return None
        fault, at = told
        lasting = fault.kind == "takeover" and time.monotonic() - at < TOLD_S
        return fault if lasting or not connected else None

    def failed(self, fault: BrokerFault, *, trace: bool = False) -> None:
        """A session ended by it, or never began. trace: as `say`."""
        self.say(fault.text, trace=trace)
        self._fault = (fault, time.monotonic())

    def moved(self) -> None:
        """It is another broker from now on."""
        self._fault = self.last_error = None

    def say(self, text: str, *, trace: bool = False) -> None:
        """The fault is now `text`. Logged unless it was since the last stable session; trace: with the exception's."""
        self.last_error = text
        self.warn(text, trace=trace)

    def warn(self, text: str, *, trace: bool = False) -> None:
        """As `say`, of what does not keep messages from the broker."""
        if text in self._said:
            return
        if len(self._said) >= REMEMBERED:
            self._said.clear()
        self._said.add(text)
        logger.warning("%s", text, exc_info=trace)

    def opened(self, place: str, protocol: str) -> None:
        """A session is open; where they end soon and often, that is said at most a few times."""
        if self._fault is not None and self._fault[0].kind != "takeover":
            self._fault = None
        if self._short < SHORT_SESSIONS:
            logger.info("connected to %s (%s)", place, protocol)

    def ended(self, fault: BrokerFault, lasted: float, place: str, client_id: str) -> BrokerFault:
        """Why a session really ended: some brokers give no reason when another client takes our place."""
        if lasted >= STABLE_S:
            self._short = 0
            self._said.clear()
            return fault
        self._short += 1
        return cut_fault(place, client_id) if fault.unexplained and self._short >= SHORT_SESSIONS else fault
