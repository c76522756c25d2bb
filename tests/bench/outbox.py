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
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.config.model import MqttConfig, OutboxConfig
from agent.publish.endpoint import Endpoint
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
BACKLOGS = (2_000, 10), (20_000, 2)
"""Events, and how often: ten seconds at 200 a second, and nearly three hours at two."""
DAY = 2 * 86_400
"""Two events a second."""
LIVE_RATE = 50.0
MANY, ROUNDS = 10_000, 3
PAHO_WINDOW = 20
UNBOUNDED = "max_queued_messages 0"
"""Of mosquitto, which else drops what its listener is slow to take."""


class Device:
    """Outbox and publisher, and what `Daemon` does for them."""

    def __init__(self, port: int, folder: Path, *, connects: bool = True, **outbox: Any) -> None:
        self.publisher = Publisher(MqttConfig(host=HOST, port=port, reconnect_max=0.5), DEVICE)
        self.outbox = Outbox(OutboxConfig(**outbox), DEVICE, TOPICS, self.publisher, folder)
        if connects:
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

    subscriber = Subscriber(Endpoint(HOST, port), topics, take)
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
    """CPU of this process for an event, from `put` to the booked answer: at a steady rate, and flat out.

    plain_paho_us: what paho alone takes for a message of that size, at the same broker, between two halves of ours.
    """
    broker = mosquitto_process(folder)
    device = Device(broker.port, folder)
    wait_for(lambda: device.publisher.connected)
    figures = {}
    for name, rate, count in (("at_2_a_second_us", 2.0, 40), ("at_200_us", 200.0, 2000)):
        figures[name] = _event_us(device, rate, count)
    turns = [
        (_event_us(device, 1e9, MANY), _plain_paho_us(broker.port, MANY), _event_us(device, 1e9, MANY))
        for _ in range(ROUNDS)
    ]
    figures["flat_out_us"] = median(us for first, _, last in turns for us in (first, last))
    figures["plain_paho_us"] = median(paho for _, paho, _ in turns)
    figures["of_plain_paho"] = median((first + last) / 2 / paho for first, paho, last in turns)
    device.stop()
    broker.kill()
    return figures


def _event_us(device: Device, rate: float, count: int) -> float:
    loop = _cpu_of(lambda: _play(lambda: None, rate, count))
    return 1e6 * (_cpu_of(lambda: (_play(device.make, rate, count), device.settle())) - loop) / count


def _plain_paho_us(port: int, count: int) -> float:
    """As its documentation shows it: QoS 1 over MQTT 5, its own thread, 20 messages unanswered at once."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(PAHO_WINDOW)
    free, connected = threading.Semaphore(PAHO_WINDOW), threading.Event()
    client.on_publish = lambda *_: free.release()
    client.on_connect = lambda *_: connected.set()
    client.connect(HOST, port)
    client.loop_start()
    assert connected.wait(10)
    body = bytes(1000)

    def work() -> None:
        for _ in range(count):
            free.acquire()
            client.publish(TOPICS.events, body, qos=1)
        for _ in range(PAHO_WINDOW):
            free.acquire()

    spent = _cpu_of(work)
    client.disconnect()
    client.loop_stop()
    return 1e6 * spent / count


def _play(make: Callable[[], None], rate: float, count: int) -> None:
    began = time.monotonic()
    for n in range(count):
        early = began + n / rate - time.monotonic()
        if early > 0:  # a sleep of nothing would still let others have the interpreter, once per event
            time.sleep(early)
        make()


def _cpu_of(work: Any) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def drain(folder: Path) -> dict[str, float]:
    """Backlogs go out while the device goes on: events, which keep their order, and what is live."""
    figures: dict[str, float] = {}
    for backlog, rounds in BACKLOGS:
        runs = []
        for n in range(rounds):
            place = folder / f"{backlog}-{n}"
            place.mkdir()
            runs.append(_drained(place, backlog))
        of_events, of_detections = (
            percentiles([1e3 * age for run in runs for age in getattr(run, name)]) for name in ("events", "detections")
        )
        figures |= {
            f"{backlog}_first_after_s": max(run.first_after for run in runs),
            f"{backlog}_events_per_s": min(run.rate for run in runs),
            f"{backlog}_live_event_p50_ms": of_events["p50"],
            f"{backlog}_live_event_p99_ms": of_events["p99"],
            f"{backlog}_detections_p50_ms": of_detections["p50"],
            f"{backlog}_detections_p99_ms": of_detections["p99"],
        }
    return figures


class Drained(NamedTuple):
    """first_after: seconds from the first attempt to connect to the first event. rate: events a second.

    events, detections: seconds from their making, of those made while the backlog went out.
    """

    first_after: float
    rate: float
    events: list[float]
    detections: list[float]


def _drained(folder: Path, backlog: int) -> Drained:
    broker = mosquitto_process(folder, UNBOUNDED)
    device = Device(broker.port, folder, connects=False)
    for _ in range(backlog):
        device.make()
    wait_for(lambda: device.outbox.health().depth >= backlog, 60)
    with listening(broker.port, [TOPICS.events, TOPICS.detections("yard")]) as heard:
        back = time.monotonic()
        device.publisher.start()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and device.outbox.health().depth > 2:
            device.make()
            device.publisher.send(TOPICS.detections("yard"), json.dumps({"made": time.monotonic()}).encode())
            time.sleep(1 / LIVE_RATE)
        device.settle()
        time.sleep(0.5)
    device.stop()
    broker.kill()
    told = [(at, json.loads(payload), topic == TOPICS.events) for at, topic, payload in heard]
    late = [at for at, body, event in told if event and body["seq"] <= backlog]
    live = [(at, body["data"]["made"]) for at, body, event in told if event and body["seq"] > backlog]
    seen = [(at, body["made"]) for at, body, event in told if not event]
    first, last = min(late), max(late)
    return Drained(
        first - back,
        (len(late) - 1) / (last - first),
        [at - made for at, made in live if first <= made <= last],
        [at - made for at, made in seen if first <= made <= last],
    )


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
    broker = mosquitto_process(folder, UNBOUNDED)
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
            print(part, *(f"{key}={value:.2f}" for key, value in found[part].items()), flush=True)
    if given.json:
        json.dump(found, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
