"""How fast a command is answered, and what reading a log that floods costs.

    python -m tests.bench.remote [--part commands|flood] [--json]

A whole daemon with a real model on a real clip (10 frames a second, so that the engine is not the limit), mosquitto,
a caller of its own process.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.publish.endpoint import Endpoint
from agent.publish.subscribe import Subscriber
from agent.tools.testbed import percentiles
from tests.support.audience import TOPICS
from tests.support.brokers import HOST, mosquitto_process, wait_for
from tests.support.caller import Caller
from tests.support.clips import scene, write_clip
from tests.support.daemon import config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.publish.message import Message
    from tests.support.brokers import BrokerProcess

ASKED = 2000
FLOOD = 10_000
SECONDS = 20.0
ROUNDS = 3


def serve(file: Path, rate: Path) -> None:
    """The daemon, and a thread that logs as many lines a second as the file `rate` says."""
    from agent.runtime.daemon import Daemon
    from agent.runtime.log import Log
    from agent.runtime.reload.first import First
    from agent.runtime.reload.revision import read

    threading.Thread(target=_flood, args=(rate,), daemon=True).start()
    Daemon(First(read(file)), file, Log("info")).run()


def _flood(rate: Path) -> None:
    log = logging.getLogger("vedette.capture")
    while True:
        wanted = int(rate.read_text() or 0)
        for n in range(wanted // 100):
            log.info("line %d of a flood that somebody reads over MQTT, or not", n, extra={"CAMERA": "yard"})
        time.sleep(0.01)


@contextmanager
def running(folder: Path) -> Iterator[tuple[BrokerProcess, Path]]:
    """Broker, and the file that says how many lines are logged."""
    broker = mosquitto_process(folder)
    clip = write_clip(folder / "clip.mp4", scene(640, 480), frames=100)
    rate = folder / "rate"
    rate.write_text("0")
    file = folder / "vedette.yaml"
    camera = {"source": str(clip), "loop": True, "fps": 10}
    where = {"url": f"mqtt://{HOST}:{broker.port}", "detections": {"publish": "on", "max_rate": 0}}
    file.write_text(config(broker.port, {"yard": camera}, mqtt=where))
    environment = {"STATE_DIRECTORY": str(folder / "state"), "PATH": "/usr/bin:/bin", "HOME": str(Path.home())}
    command = [sys.executable, "-m", "tests.bench.remote", "--serve", str(file), str(rate)]
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(command, stderr=log, env=environment)
    heard: list[Message] = []
    waiting = Subscriber(Endpoint(HOST, broker.port), [TOPICS.detections("yard")], heard.append)
    waiting.start()
    wait_for(lambda: len(heard) > 20, 60, (folder / "log").read_text())
    waiting.stop()
    yield broker, rate
    daemon.terminate()
    daemon.wait(10)
    broker.kill()


def commands(folder: Path) -> dict[str, float]:
    """Milliseconds from publishing `ping` to having its answer, one after the other."""
    with running(folder) as (broker, _):
        caller = Caller(broker)
        times = []
        for _ in range(ASKED):
            began = time.monotonic()
            assert caller.ask("ping")["status"] == "ok"
            times.append(1e3 * (time.monotonic() - began))
            time.sleep(0.008)  # below the limit of 200 a second
        caller.subscriber.stop()
    return {f"ping_{key}_ms": value for key, value in percentiles(times).items()}


def flood(folder: Path) -> dict[str, float]:
    """Latency of detections, and messages on `log`, in turns: in silence, in a flood, in a flood that is read."""
    latencies: dict[str, list[float]] = {"quiet": [], "flood": [], "read": []}
    told: list[float] = []
    with running(folder) as (broker, rate):
        caller = Caller(broker)
        for _ in range(ROUNDS):
            for state, found in latencies.items():
                rate.write_text("0" if state == "quiet" else str(FLOOD))
                if state == "read":
                    assert caller.ask("log.tail", {"ttl": SECONDS + 5, "rate": 20})["status"] == "ok"
                time.sleep(1.5)
                seen, batches = _listen(broker, SECONDS / ROUNDS)
                found.extend(seen)
                if state == "read":
                    told.append((len(batches) - 1) / (batches[-1] - batches[0]))
                    caller.ask("log.tail", {"ttl": 0})
        caller.subscriber.stop()
    p99 = {state: percentiles(found)["p99"] for state, found in latencies.items()}
    return {
        "log_messages_per_s": max(told),
        **{f"{state}_p99_ms": value for state, value in p99.items()},
        "read_to_flood": p99["read"] / p99["flood"],
        "flood_to_quiet": p99["flood"] / p99["quiet"],
    }


def _listen(broker: BrokerProcess, seconds: float) -> tuple[list[float], list[float]]:
    """Milliseconds from capture to publish of each detection, and when batches of the log came."""
    heard: list[Message] = []
    subscriber = Subscriber(Endpoint(HOST, broker.port), [TOPICS.detections("yard"), TOPICS.log], heard.append)
    subscriber.start()
    time.sleep(seconds)
    subscriber.stop()
    bodies = [json.loads(m.payload) for m in heard if m.topic != TOPICS.log]
    totals = [body["latency_ms"]["total"] for body in bodies if body["inferred"]]
    return totals, [message.at for message in heard if message.topic == TOPICS.log]


PARTS = {"commands": commands, "flood": flood}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", action="append", choices=list(PARTS))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(*given.serve)
        return
    found: dict[str, Any] = {}
    for part in given.part or PARTS:
        with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
            found[part] = PARTS[part](Path(folder))
        if not given.json:
            print(part, *(f"{key}={value:.2f}" for key, value in found[part].items()), flush=True)
    if given.json:
        json.dump(found, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
