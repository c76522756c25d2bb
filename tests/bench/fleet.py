"""A thousand devices on one broker: whether all of them arrive, and what `vedette fleet` and the broker cost.

    python -m tests.bench.fleet [--devices 1000] [--seconds 45] [--events 12] [--detections 0] [--json]

mosquitto without TLS, `tests/fleet_sim.py` in a process of its own, a listener of all statuses and events, and five
times `vedette fleet` as a process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.publish.endpoint import Endpoint
from agent.publish.subscribe import Subscriber
from tests.support.brokers import HOST, mosquitto_process
from tests.support.fleets import playing
from tests.support.simulated import name_of

if TYPE_CHECKING:
    from agent.publish.message import Message

ASKED = 5
EACH = 5000
"""Devices of one simulating process, for the sake of descriptors."""
BROKER = ("max_queued_messages 100000", "log_type error", "log_type warning")
_TICKS = os.sysconf("SC_CLK_TCK")


class Heard:
    """The status of each device, and how many different events came of it."""

    def __init__(self) -> None:
        self.status: dict[str, str] = {}
        self.events: Counter[str] = Counter()
        self.twice = 0
        self._ids: set[str] = set()

    def online(self, devices: int) -> int:
        return sum(self.status.get(name_of(n)) == "online" for n in range(devices))

    def take(self, message: Message) -> None:
        device, kind = message.topic.split("/")[2:4]
        if kind == "status":
            self.status[device] = message.payload.decode()
            return
        found = json.loads(message.payload)["id"]
        self.twice += found in self._ids
        self._ids.add(found)
        self.events[device] += 1


def asked(port: int, prefix: str = "") -> tuple[dict[str, Any], float, float, float]:
    """What `vedette fleet` tells, the seconds it took, those of CPU, and the most memory it had, in kB."""
    command = [sys.executable, "-m", "agent.cli", "fleet", "--broker", f"mqtt://{HOST}:{port}", "--json"]
    with tempfile.TemporaryFile() as out:
        began = time.monotonic()
        process = subprocess.Popen([*command, "--prefix", prefix], stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        return json.load(out), seconds, usage.ru_utime + usage.ru_stime, float(usage.ru_maxrss)


def cost(pid: int) -> tuple[float, float]:
    """Seconds of CPU and resident MB of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return (int(fields[11]) + int(fields[12])) / _TICKS, pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(devices: int, seconds: float, events: float, detections: float, folder: Path) -> dict[str, Any]:
    broker = mosquitto_process(folder, *BROKER)
    assert broker._process is not None
    pid = broker._process.pid
    heard = Heard()
    try:
        empty = cost(pid)[1]
        listener = Subscriber(
            Endpoint(HOST, broker.port), ["vedette/1/+/status", "vedette/1/+/events"], heard.take, verb="bench"
        )
        listener.start()
        options = ("--events", str(events), "--detections", str(detections))
        with ExitStack() as playing_all:
            fleets = [
                playing_all.enter_context(
                    playing(broker.port, min(EACH, devices - n), *options, "--first", str(n), seconds=seconds)
                )
                for n in range(0, devices, EACH)
            ]
            resident = cost(pid)[1]
            deadline = time.monotonic() + 10
            while (online := heard.online(devices)) < devices and time.monotonic() < deadline:
                time.sleep(0.05)
            *_, alone = asked(broker.port, "nobody")
            times, cpus, memory = [], [], []
            for _ in range(ASKED):
                told, took, worked, most = asked(broker.port)
                times.append(took)
                cpus.append(worked)
                memory.append(most)
            began, cpu = time.monotonic(), cost(pid)[0]
            ended = [fleet.wait(seconds + 120) for fleet in fleets]
            busy, lasted = cost(pid)[0] - cpu, time.monotonic() - began
        sent = Counter[str]()
        for account in ended:
            sent.update(account["events"])
        healths, looks, gone = (sum(account[key] for account in ended) for key in ("healths", "looks", "gone"))
        deadline = time.monotonic() + 10
        while heard.events.total() < sent.total() and time.monotonic() < deadline:
            time.sleep(0.05)
        listener.stop()
    finally:
        broker.kill()
    return {
        "devices": devices,
        "connected_s": sum(fleet.connected for fleet in fleets),
        "statuses": online,
        "events_sent": sent.total(),
        "events_arrived": sum((heard.events & sent).values()),
        "events_twice": heard.twice,
        "healths": healths,
        "detections": looks,
        "gone": gone,
        "listed": len(told["devices"]),
        "incomplete": told["incomplete"],
        "fleet_s_p50": statistics.median(times),
        "fleet_s_most": max(times),
        "fleet_cpu_s": statistics.median(cpus),
        "fleet_kb_a_device": (max(memory) - alone) / devices,
        "fleet_mb": max(memory) / 1e3,
        "broker_kb_a_device": 1e3 * (resident - empty) / devices,
        "messages_in_a_second": (messages := (sent.total() + healths + looks) / seconds),
        "broker_cpu_share": busy / lasted,
        "broker_us_a_message": 1e6 * busy / lasted / messages,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--events", type=float, default=12.0, help="of each device, a minute")
    parser.add_argument("--detections", type=float, default=0.0, help="of each device, a second")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
        found = measure(given.devices, given.seconds, given.events, given.detections, Path(folder))
    if given.json:
        json.dump(found, sys.stdout, indent=2)
    else:
        print(*(f"{key}={value:.6g}" for key, value in found.items()), sep="\n")


if __name__ == "__main__":
    main()
