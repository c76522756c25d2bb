"""A device that only makes events, as a process to be killed.

    python -m tests.slow.delivery.producer KIND PORT FOLDER

Kinds: `vedette`, our outbox and publisher; `paho`, as its documentation shows it: QoS 1, its own thread, a queue in
memory, reconnects by itself; `frigate-like`, which publishes only while it is connected. Each event has a number; the
numbers that were handed over stand in FOLDER/offered, one a line. SIGUSR1 ends the making of events, SIGTERM the
process.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.config.model import MqttConfig, OutboxConfig
from agent.publish.events import Event
from agent.publish.mqtt import Publisher
from agent.publish.outbox import Outbox
from tests.support.audience import DEVICE, TOPICS
from tests.support.brokers import HOST

if TYPE_CHECKING:
    from collections.abc import Callable

RATE = 200.0
PADDING = "x" * 600
"""So that an event has the 1 kB of one with a path."""


class Signals:
    """What was asked of this process."""

    producing = True
    running = True

    def __init__(self) -> None:
        signal.signal(signal.SIGUSR1, self._quiet)
        signal.signal(signal.SIGTERM, self._end)

    def _quiet(self, *_: object) -> None:
        self.producing = False

    def _end(self, *_: object) -> None:
        self.running = False


def vedette(port: int, folder: Path) -> tuple[Callable[[int], None], Callable[[float], None], Callable[[], None]]:
    publisher = Publisher(MqttConfig(host=HOST, port=port), DEVICE, memory=folder / "retained.json")
    outbox = Outbox(OutboxConfig(), DEVICE, TOPICS, publisher, folder)
    publisher.start()
    outbox.start()

    def make(n: int) -> None:
        outbox.put(Event("vedette.camera.status", time.time(), True, {"n": n, "error": PADDING}, "yard"))

    def stop() -> None:
        outbox.finish(0.5)
        publisher.stop(1.0)
        outbox.stop(0.5)

    return make, publisher.tick, stop


def baseline(port: int, *, queued: bool) -> tuple[Callable[[int], None], Callable[[float], None], Callable[[], None]]:
    client = paho.Client(CallbackAPIVersion.VERSION2, DEVICE)
    connected = [False]
    client.on_connect = lambda *_: connected.__setitem__(0, True)
    client.on_disconnect = lambda *_: connected.__setitem__(0, False)
    client.connect_async(HOST, port, keepalive=15)
    client.loop_start()

    def make(n: int) -> None:
        body = json.dumps({"id": f"p-{n}", "seq": n, "data": {"n": n, "error": PADDING}})
        if queued or connected[0]:
            client.publish(TOPICS.events, body, qos=1 if queued else 0)

    return make, lambda _: None, client.disconnect


def main(kind: str, port: int, folder: Path) -> None:
    asked = Signals()
    make, tick, stop = vedette(port, folder) if kind == "vedette" else baseline(port, queued=kind == "paho")
    offered = os.open(folder / "offered", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    known = (folder / "offered").read_bytes().split()
    n = int(known[-1]) if known else 0
    due = ticked = time.monotonic()
    while asked.running:
        now = time.monotonic()
        if now - ticked >= 0.5:
            ticked = now
            tick(now)
        if asked.producing and now >= due:
            n += 1
            make(n)
            os.write(offered, b"%d\n" % n)
            due = max(due + 1 / RATE, now - 0.1)
        time.sleep(max(0.0005, min(due - now, 0.05)) if asked.producing else 0.02)
    stop()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
