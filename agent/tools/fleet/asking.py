"""Has a broker tell all that it keeps of a fleet, and knows when that is all.

No broker says "that was it": mosquitto confirms a subscription before it sends what is retained. So what comes of one
subscription is over once an answer has come to something asked after it, which mosquitto gives in order, and nothing
retained has come for a while, for brokers that do not. What is still missing of a device is asked for once more, by
its name, since a broker may drop what is too much at once; then it is unknown.

QoS 0: a broker sends as fast as we read. Of QoS 1 it may queue no more than some (mosquitto: 1000) and drops the rest.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING

from agent.publish.faults import REFUSED_FROM
from agent.publish.topics import Topics
from agent.tools.fleet.messages import BRIDGE, hear
from agent.tools.fleet.rows import row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.publish.link import Link
    from agent.publish.message import Message
    from agent.tools.fleet.state import Fleet

KINDS = ("status", "summary", "info", "alert/+/+", "cam/+/status", "engine/+/status")
AT_ONCE = 60
"""Topics in one subscription by name."""
QUIET_S = 0.3
_TURN_S = 0.02


class Gone(Exception):
    """The broker, in the midst of it; the text is for the user."""


class Asking:
    """prefix: of the devices, a level may be `+`. seconds: for all of it, once it runs."""

    def __init__(self, fleet: Fleet, prefix: str, seconds: float) -> None:
        self._fleet, self._prefix, self._seconds = fleet, prefix, seconds
        self._deadline = self._heard_at = 0.0

    def take(self, message: Message) -> None:
        """On the thread of `run`. What is said just now counts, too, but does not keep us waiting."""
        hear(self._fleet, message.topic, message.payload)
        if message.retain:
            self._heard_at = message.at

    def run(self, link: Link) -> None:
        """Fills the fleet, and says there whether it is whole. Raises Gone."""
        self._deadline = time.monotonic() + self._seconds
        kinds = [f"{Topics(self._prefix, '+').root}/{kind}" for kind in KINDS]
        for kind in [f"{self._prefix}/{BRIDGE}", *kinds] if self._prefix else kinds:
            refused = self._ask(link, [kind])
            if refused is not None:
                self._fleet.refused[kind] = refused
        self._settle(link)
        if missing := self._missing():
            for some in _batches(missing):
                self._ask(link, some)
            self._settle(link)

    def _missing(self) -> list[str]:
        """The topics that are due of some device and have not been heard."""
        found = []
        for name, device in self._fleet.devices.items():
            prefix, _, own = name.rpartition("/")
            root = Topics(prefix, own).root
            found += [f"{root}/{topic}" for topic in row(name, device, self._fleet).unknown]
        return found

    def _ask(self, link: Link, filters: Sequence[str]) -> str | None:
        """Subscribes, and waits for an answer to what is asked behind it. Returns the word of a refusal."""
        if time.monotonic() >= self._deadline:
            self._fleet.whole = False
            return None
        asked, marker = link.subscribe(list(filters), qos=0), link.probe(f"vedette/fleet/{time.monotonic_ns()}")
        waiting, refused = {asked, marker}, None
        while waiting and time.monotonic() < self._deadline:
            self._turn(link)
            for answer in link.answers():
                waiting.discard(answer.mid)
                if answer.mid == asked and answer.reason >= REFUSED_FROM:
                    refused = answer.name
        if waiting:
            self._fleet.whole = False
        return refused

    def _settle(self, link: Link) -> None:
        """Until nothing retained has come for a while."""
        since = time.monotonic()
        while (now := time.monotonic()) < max(since, self._heard_at) + QUIET_S:
            if now >= self._deadline:
                self._fleet.whole = False
                return
            self._turn(link)

    def _turn(self, link: Link) -> None:
        if not link.loop(_TURN_S):
            raise Gone(link.closed_by().text)


def _batches(topics: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(topics)
    while some := list(islice(rest, AT_ONCE)):
        yield some
