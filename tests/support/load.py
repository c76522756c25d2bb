"""What a fleet of devices asks of brokers, bridges and lines: reckoned from the size of real payloads.

`python -m tests.support.load` prints the tables of docs/fleet.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.publish import payloads
from tests.support.simulated import CAMERA, Simulated

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVICE = Simulated(11)
EXPIRY = 5
"""Bytes of the property that says when a message expires."""
VISIT_S = 120
"""One visitor in so many seconds, of whom there are four events: started, zone entered, zone left, ended."""
SITE = 1000
"""Devices of one site, where there are sites."""
NODES = 20
"""Brokers of a cluster, among which devices are spread."""
BROKER_KB = 19.6
"""Memory of mosquitto for a device and what it retains: measured, tests/bench/fleet.py."""
QUEUE = 268_435_456
"""`max_queued_bytes` of config/fleet/bridge.conf."""


@dataclass(frozen=True)
class Kind:
    """Messages of a device: bytes of one on the wire, without TCP and TLS, and how many there are a second."""

    name: str
    size: int
    rate: float
    why: str

    @property
    def bytes(self) -> float:
        return self.size * self.rate


def packet(topic: str, payload: bytes, *, qos: int, expires: bool) -> int:
    """Bytes of a PUBLISH of MQTT 5, https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html 3.3."""
    rest = 2 + len(topic.encode()) + 2 * bool(qos) + 1 + EXPIRY * expires + len(payload)
    return 1 + (1 if rest < 128 else 2 if rest < 16_384 else 3) + rest


def retained() -> dict[str, int]:
    """Of all that a device says when it connects."""
    values = {**DEVICE.retained(), DEVICE.topics.status: payloads.ONLINE}
    return {topic: packet(topic, payload, qos=1, expires=False) for topic, payload in values.items()}


def kinds() -> dict[str, Kind]:
    topics, sizes = DEVICE.topics, retained()
    changing = [size for topic, size in sizes.items() if "/count/" in topic or "/occupancy/" in topic]
    health = packet(topics.health, payloads.health(DEVICE.health()), qos=0, expires=True)
    event = packet(topics.events, Simulated(11).event(), qos=1, expires=True)
    look = packet(topics.detections(CAMERA), DEVICE.look(1), qos=0, expires=True)
    changes = 2 * len(changing) / VISIT_S
    found = (
        Kind("health", health, 0.1, "every 10 s"),
        Kind("events", event, 4 / VISIT_S, "four of each visitor, one visitor in 2 min, the largest kind"),
        Kind(
            "counts", round(sum(changing) / len(changing)), changes, "2 labels, 2 places, up and down of each visitor"
        ),
        Kind("detections", look, 1.0, "a still scene; 5 a second and twice the size where people are"),
    )
    return {kind.name: kind for kind in found}


def tables() -> str:
    return "\n".join([*_kinds(), "", *_loads()])


def _kinds() -> Iterator[str]:
    yield "| a device says | bytes on the wire | a second | bytes a second | because |"
    yield "|---|---|---|---|---|"
    for kind in kinds().values():
        yield f"| {kind.name} | {kind.size} | {kind.rate:.3f} | {kind.bytes:.1f} | {kind.why} |"
    sizes = retained()
    yield f"| when it connects | {sum(sizes.values())} | - | - | {len(sizes)} retained messages |"


def _loads() -> Iterator[str]:
    near = ("health", "events", "counts")
    cases = (
        ("one broker, `detections: leased`", near, 1, 1),
        ("one broker, detections on, still scenes", (*near, "detections"), 1, 1),
        (f"each broker of a cluster of {NODES}, leased", near, 1, NODES),
        (f"the centre, sites of {SITE:,} bridged", ("health", "events"), SITE, 1),
        ("the same without `health`", ("events",), SITE, 1),
    )
    yield "| | of | connections | messages/s in | MB/s in | broker memory |"
    yield "|---|---|---|---|---|---|"
    for name, what, site, nodes in cases:
        for devices in (1000, 10_000, 1_000_000):
            found, share = [kinds()[kind] for kind in what], devices / nodes
            rate, size = (share * sum(values) for values in zip(*((k.rate, k.bytes) for k in found), strict=True))
            connections = max(1, round(share / site))
            memory = f"{share * BROKER_KB / 1e6:,.2g} GB"
            yield f"| {name} | {devices:,} | {connections:,} | {rate:,.0f} | {size / 1e6:,.3g} | {memory} |"


if __name__ == "__main__":
    print(tables())
