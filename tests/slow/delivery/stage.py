"""One run: a device, a way to its broker, a listener, and what was lost between them.

The listener is there before the device comes back: what a broker without persistence takes while nobody listens
is lost after it has said that it has it, which no device can help.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from agent.publish.endpoint import Endpoint
from agent.publish.subscribe import Subscriber
from tests.slow.delivery.scenarios import SCENARIOS
from tests.support.audience import TOPICS
from tests.support.brokers import HOST, mosquitto_process, wait_for
from tests.support.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from agent.publish.message import Message

QUIET_S = 2.0
"""After which nothing more comes."""


@dataclass(frozen=True)
class Outcome:
    """offered: events handed over. kept: those that were on the disk, all for a device without one.

    lost: of the kept, those that never came. unkept: offered, and not on the disk when the device was killed.
    inversions: first copies that came after a later event. duplicates: further copies. back_s: from the moment
    on which the way was free until the first event came, None where nothing came.
    """

    kind: str
    scenario: str
    offered: int
    kept: int
    lost: int
    unkept: int
    inversions: int
    duplicates: int
    back_s: float | None


class Stage:
    """folder: empty."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        # Else it drops what its listener is slow to take: 1,000 are few after an outage.
        self.broker = mosquitto_process(folder, "max_queued_messages 0")
        self.proxy = Proxy(self.broker.port)
        self.messages: list[Message] = []
        self._listen()
        self._back_at: float | None = None
        self.start_device()
        wait_for(lambda: self.messages, 10, "the device said nothing")

    def _listen(self) -> None:
        self.subscriber = Subscriber(Endpoint(HOST, self.broker.port), [TOPICS.events], self.messages.append)
        self.subscriber.start()

    def start_device(self) -> None:
        command = [sys.executable, "-m", "tests.slow.delivery.producer", self.kind, str(self.proxy.port)]
        self.device = subprocess.Popen([*command, str(self.folder)])

    def kill_device(self) -> None:
        self.device.kill()
        self.device.wait(5)

    def kill_device_in_commit(self) -> None:
        wal = next(self.folder.glob("*-wal"), None)
        if wal is not None:
            size = wal.stat().st_mtime_ns
            while wal.stat().st_mtime_ns == size:
                pass
        self.kill_device()

    def lose_broker(self) -> None:
        """What the broker has acknowledged before must have reached its listener: no device can mend that loss."""
        self.proxy.refuse()
        time.sleep(0.3)
        self.subscriber.stop()
        self.broker.kill()

    def bring_broker_back(self) -> None:
        self.broker.start()
        self._listen()
        self.proxy.accept()
        self.back()

    def back(self) -> None:
        """The way to the broker is free from now on."""
        self._back_at = time.monotonic()

    def wait_until_back(self, most: float) -> None:
        """Until something has come since the way is free, or time is up."""
        deadline, free = time.monotonic() + most, self._back_at or 0.0
        while self.messages[-1].at <= free and time.monotonic() < deadline:
            time.sleep(0.05)

    def finish(self, scenario: str) -> Outcome:
        self.wait_until_back(20.0)  # a device that still starts does not know the signal, and dies of it
        time.sleep(3.0)
        self.device.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 30
        count = -1
        while count != len(self.messages) and time.monotonic() < deadline:
            count = len(self.messages)
            time.sleep(QUIET_S)
        self.device.terminate()
        try:
            self.device.wait(10)
        except subprocess.TimeoutExpired:
            self.kill_device()
        self.subscriber.stop()
        self.proxy.stop()
        self.broker.kill()
        return self._outcome(scenario)

    def _outcome(self, scenario: str) -> Outcome:
        offered = {int(n) for n in (self.folder / "offered").read_text().split()}
        kept = self._kept() if self.kind == "vedette" else offered
        bodies = [json.loads(message.payload) for message in self.messages]
        numbers = [body["data"]["n"] for body in bodies]
        first: dict[str, int] = {}
        for body in bodies:
            first.setdefault(body["id"], body["seq"])
        order = list(first.values())
        late = [m.at for m in self.messages if self._back_at is not None and m.at > self._back_at]
        return Outcome(
            self.kind,
            scenario,
            len(offered),
            len(kept),
            len(kept - set(numbers)),
            len(offered - kept),
            sum(after < before for before, after in pairwise(order)),
            len(bodies) - len(first),
            late[0] - self._back_at if late and self._back_at is not None else None,
        )

    def _kept(self) -> set[int]:
        """What is in the database; answered events stay there. Their numbers must have no hole."""
        (file,) = self.folder.glob("outbox.db")
        with closing(sqlite3.connect(file)) as database:
            rows = database.execute("SELECT seq, body FROM events ORDER BY n").fetchall()
        assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1)), "the disk itself has lost some"
        return {json.loads(body)["data"]["n"] for _, body in rows}


def run(kind: str, scenario: str, folder: Path, seed: int) -> Outcome:
    folder.mkdir(parents=True)
    stage = Stage(kind, folder)
    try:
        SCENARIOS[scenario](stage, random.Random(seed))
        return stage.finish(scenario)
    finally:
        if stage.device.poll() is None:
            os.kill(stage.device.pid, signal.SIGKILL)
            stage.device.wait(5)
