"""What an event costs, how fast a backlog goes, and what a day without a broker takes.

    python -m tests.bench.outbox [--part cpu|drain|outage] [--json]

Our own outbox and publisher, a real mosquitto, events of 1 kB; who listens is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.config.model import MqttConfig, OutboxConfig
from agent.publish.events import Event
from agent.publish.mqtt import Publisher
from agent.publish.outbox import Outbox
from agent.publish.subscribe import Subscriber
from agent.runtime import machine
from agent.tools.testbed import percentiles
from tests.support.audience import DEVICE, TOPICS
from tests.support.brokers import HOST, free_port, mosquitto_process, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    from agent.publish.message import Message

PADDING = "x" * 600
BACKLOG = 20_000
DAY = 2 * 86_400
"""Two events a second."""
LIVE_RATE = 20.0


class Device:
    """Outbox and publisher, and what `Daemon` does for them."""

    def __init__(self, port: int, folder: Path, **outbox: Any) -> None:
        self.publisher = Publisher(MqttConfig(host=HOST, port=port, reconnect_max=0.5), DEVICE)
        self.outbox = Outbox(OutboxConfig(**outbox), DEVICE, TOPICS, self.publisher, folder)
        self.publisher.start()
        self.outbox.start()
        self.made = 0

    def make(self) -> None:
        """Waits before the queue is full: here nothing shall be dropped."""
        self.made += 1
        if self.made % 500 == 0:
            wait_for(lambda: len(self.outbox._intake._queue) < 500, 30)
        data = {"n": self.made, "error": PADDING, "made": time.monotonic()}
        event = Event("vedette.camera.status", time.time(), True, data, "yard")
        assert self.outbox.put(event)

    def settle(self) -> None:
        """Until the broker has answered all of them."""
        wait_for(lambda: not self.outbox.health().depth, 120)

    def stop(self) -> None:
        self.outbox.finish(1.0)
        self.publisher.stop(2.0)
        self.outbox.stop(1.0)


def listener(port: int, topics: list[str], pipe: Connection) -> None:
    """In a process of its own: arrival and payload of each message, told at the end."""
    heard: list[tuple[float, str, bytes]] = []

    def take(message: Message) -> None:
        heard.append((time.monotonic(), message.topic, message.payload))

    subscriber = Subscriber(HOST, port, topics, take)
    subscriber.start()
    pipe.send(None)
    pipe.recv()
    subscriber.stop()
    pipe.send(heard)


@contextmanager
def listening(port: int, topics: list[str]) -> Iterator[list[tuple[float, str, bytes]]]:
    """What was heard is in the list after the block."""
    heard: list[tuple[float, str, bytes]] = []
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=listener, args=(port, topics, theirs))
    process.start()
    ours.recv()
    yield heard
    ours.send(None)
    heard += ours.recv()
    process.join(10)


def cpu(folder: Path) -> dict[str, float]:
    """CPU of this process for an event, from `put` to the booked answer: at a steady 200 a second, and flat out."""
    broker = mosquitto_process(folder)
    device = Device(broker.port, folder)
    wait_for(lambda: device.publisher.connected)
    figures = {}
    for name, rate, count in (("at_2_a_second_us", 2.0, 40), ("at_200_us", 200.0, 2000), ("flat_out_us", 1e9, 20_000)):
        loop = _cpu_of(lambda rate=rate, count=count: _play(lambda: None, rate, count))
        spent = _cpu_of(lambda rate=rate, count=count: _play(device.make, rate, count))
        spent += _cpu_of(device.settle)
        figures[name] = 1e6 * (spent - loop) / count
    device.stop()
    broker.kill()
    return figures


def _play(make: Callable[[], None], rate: float, count: int) -> None:
    began = time.monotonic()
    for n in range(count):
        time.sleep(max(0.0, began + n / rate - time.monotonic()))
        make()


def _cpu_of(work: Any) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def drain(folder: Path) -> dict[str, float]:
    """A backlog goes out while the device goes on: events, which keep their order, and what is live."""
    broker = mosquitto_process(folder)
    device = Device(broker.port, folder)
    wait_for(lambda: device.publisher.connected)
    broker.kill()
    for _ in range(BACKLOG):
        device.make()
    wait_for(lambda: device.outbox.health().depth >= BACKLOG, 60)
    broker.start()
    back = time.monotonic()
    with listening(broker.port, [TOPICS.events, TOPICS.detections("yard")]) as heard:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and device.outbox.health().depth > 2:
            device.make()
            device.publisher.send(TOPICS.detections("yard"), json.dumps({"made": time.monotonic()}).encode())
            time.sleep(1 / LIVE_RATE)
        device.settle()
        time.sleep(0.5)
    device.stop()
    broker.kill()
    events = [(at, json.loads(payload)) for at, topic, payload in heard if topic == TOPICS.events]
    late = [at for at, event in events if event["seq"] <= BACKLOG]
    live = [at - event["data"]["made"] for at, event in events if event["seq"] > BACKLOG]
    seen = [at - json.loads(payload)["made"] for at, topic, payload in heard if topic != TOPICS.events]
    of_events, of_detections = percentiles([1e3 * s for s in live]), percentiles([1e3 * s for s in seen])
    return {
        "backlog": BACKLOG,
        "first_after_s": min(late) - back,
        "events_per_s": (len(late) - 1) / (max(late) - min(late)),
        "live_event_p50_ms": of_events["p50"],
        "live_event_p99_ms": of_events["p99"],
        "detections_p50_ms": of_detections["p50"],
        "detections_p99_ms": of_detections["p99"],
    }


def outage(folder: Path) -> dict[str, float]:
    """As many events as come in 24 h at two a second, with no broker; then the broker, and the sum of it all."""
    figures: dict[str, float] = {}
    for name, max_bytes in (("usual", OutboxConfig().max_bytes), ("small", 32_000_000)):
        place = folder / name
        place.mkdir()
        port = free_port()
        device = Device(port, place, max_bytes=max_bytes)
        early = 0
        most = 0
        for n in range(DAY):
            device.make()
            if n == DAY // 16:
                early = machine.own_resident_bytes()
            if n % 5000 == 0:
                most = max(most, _disk(place))
        wait_for(lambda device=device: device.outbox.health().depth > 0 and _committed(device), 60)
        most = max(most, _disk(place))
        figures[f"{name}_rss_grown_mb"] = (machine.own_resident_bytes() - early) / 1e6
        figures[f"{name}_disk_mb"] = most / 1e6
        figures[f"{name}_cap_mb"] = max_bytes / 1e6
        device.stop()
        figures |= {f"{name}_{key}": value for key, value in _delivered(place, max_bytes).items()}
    return figures


def _committed(device: Device) -> bool:
    before = device.outbox.health().depth
    time.sleep(1.0)
    return before == device.outbox.health().depth


def _disk(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("outbox.db*"))


def _delivered(folder: Path, max_bytes: int) -> dict[str, float]:
    """What comes once there is a broker: each event, or a gap that names it."""
    broker = mosquitto_process(folder, "max_queued_messages 0")  # else it drops what its listener is slow to take
    with listening(broker.port, [TOPICS.events]) as heard:
        device = Device(broker.port, folder, max_bytes=max_bytes)
        wait_for(lambda: device.publisher.connected)
        time.sleep(2.0)
        wait_for(lambda: not device.outbox.health().depth, 300)
        time.sleep(1.0)
        device.stop()
    broker.kill()
    told = [json.loads(payload) for _, _, payload in heard]
    gaps = [event["data"] for event in told if event["type"] == "vedette.gap"]
    numbers = {event["seq"] for event in told}
    named = {seq for gap in gaps for seq in range(gap["from"], gap["to"] + 1)}
    missing = set(range(1, max(numbers) + 1)) - numbers
    return {
        "delivered": len(numbers) - len(gaps),
        "gaps": len(gaps),
        "gap_events": sum(gap["count"] for gap in gaps),
        "undeclared": len(missing - named),
    }


PARTS = {"cpu": cpu, "drain": drain, "outage": outage}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", action="append", choices=list(PARTS))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = {}
    for part in given.part or PARTS:
        with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
            found[part] = PARTS[part](Path(folder))
        if not given.json:
            print(part, *(f"{key}={value:.1f}" for key, value in found[part].items()), flush=True)
    if given.json:
        json.dump(found, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
