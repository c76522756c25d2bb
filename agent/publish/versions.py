"""Which version of MQTT the next attempt speaks. Pure."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from agent.publish.faults import UNSUPPORTED_VERSION
from agent.publish.link import MQTT5, MQTT311

if TYPE_CHECKING:
    from agent.publish.faults import BrokerFault

SLOW_S = 0.5
"""Where a connection that was made at last took as long, it is the broker that was slow, not the version."""

logger = logging.getLogger("vedette.mqtt")


class Versions:
    """first: what to try first; MQTT311 spares a broker known to speak only that a refusal.

    A broker without MQTT 5 should say so in its CONNACK, and that is remembered until a session has ended: the broker
    may have become another one. Some only close, or wait for ever: then 3.1.1 is tried once, and 5 again with the next
    connection, as the broker may just have been slow. If it was slow to take 3.1.1, too, that is at once.
    """

    def __init__(self, first: int) -> None:
        self.now = self._preferred = self._first = first
        self._told = self._guessed = self._doubted = False

    @property
    def word(self) -> str:
        return "MQTT 5" if self.now == MQTT5 else "MQTT 3.1.1"

    def failed(self, place: str, refused: int | None, fault: BrokerFault) -> bool:
        """Whether another version is worth an attempt at once. refused: the reason of the broker's CONNACK."""
        if self.now == MQTT311:
            self.now, self._guessed = self._preferred, False
            return False
        if refused == UNSUPPORTED_VERSION:
            if not self._told:  # once, not with each connection
                logger.info("%s speaks MQTT 3.1.1 only: it cannot say which topics it refuses", place)
            self._told = True
            self._preferred = MQTT311
        elif fault.kind != "silent":
            return False
        self.now, self._guessed = MQTT311, refused is None
        return True

    def doubtful(self, took: float) -> bool:
        """Whether the connection that was just made should be one of MQTT 5: at most once until a session ends.

        took: seconds until the broker took it.
        """
        if not self._guessed or self._doubted or took < SLOW_S:
            return False
        self.now, self._guessed, self._doubted = MQTT5, False, True
        return True

    def ended(self) -> None:
        """A session, by whichever version, is over."""
        self.now = self._preferred = self._first
        self._guessed = self._doubted = False
