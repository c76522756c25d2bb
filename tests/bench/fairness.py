"""Many cameras on one engine: what the slowest gets, and what each costs.

    python -m tests.bench.fairness

The real daemon with eight cameras (vtest.avi at its own pace, again and again, 5 frames a second of each), and with
one. `slowest` is the least of the cameras' inferred frames a second over their mean: at least 0.9. CPU is that of the
daemon and its worker while it runs, without start and end; `ratio` is eight cameras' over eight times one's: at most
1.1. `busy` is the same with an engine too slow for all: its frames a second are shared evenly, or by `weight`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from agent.tools.broker import start_broker
from tests.support.daemon import Daemon
from tests.support.processes import workers_of
from tests.support.synthetic import slow_network

if TYPE_CHECKING:
    from collections.abc import Sequence

VTEST = Path(__file__).parents[3] / "shared" / "data" / "videos" / "vtest.avi"
CAMERAS, FPS = 8, 5
READY_SECONDS, WARM_SECONDS = 60.0, 4.0
WEIGHTS = (2.0,) + (1.0,) * 7


@dataclass(frozen=True, slots=True)
class Seen:
    """rates: inferred frames a second by camera. cpu: seconds of CPU a second."""

    rates: list[float]
    cpu: float

    @property
    def slowest(self) -> float:
        return min(self.rates) / (sum(self.rates) / len(self.rates))


def run(model: str, weights: Sequence[float], seconds: float) -> Seen:
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as name:
        folder = Path(name)
        broker = start_broker()
        cameras = {
            f"c{i}": {"source": str(VTEST), "loop": True, "fps": FPS, "weight": weight}
            for i, weight in enumerate(weights)
        }
        url = f"mqtt://127.0.0.1:{broker.port}"
        text = {"device": "bench", "model": model, "mqtt": {"url": url}, "cameras": cameras}
        daemon = Daemon(folder, json.dumps(text))
        try:
            daemon.start()
            deadline = time.monotonic() + READY_SECONDS
            while not all(camera.get("inferred") for camera in daemon.status().get("cameras", {"": {}}).values()):
                if time.monotonic() > deadline:
                    raise SystemExit(f"not every camera was inferred within {READY_SECONDS:.0f} s\n{daemon.log()}")
                time.sleep(0.2)
            time.sleep(WARM_SECONDS)
            before, cpu, began = daemon.status(), _cpu_of(daemon.pid), time.monotonic()
            time.sleep(seconds)
            after, used, took = daemon.status(), _cpu_of(daemon.pid) - cpu, time.monotonic() - began
        finally:
            daemon.end()
            broker.stop()
    between = float(after["uptime"] - before["uptime"])
    rates = [(after["cameras"][c]["inferred"] - before["cameras"][c]["inferred"]) / between for c in cameras]
    return Seen(rates, used / took)


def _cpu_of(daemon: int) -> float:
    """Of the daemon and its workers, seconds."""
    total = 0
    for pid in (daemon, *workers_of(daemon)):
        # /proc/<pid>/schedstat counts nanoseconds, but of the main thread only; so the threads' one by one.
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="person")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    slowest, ratios = [], []
    for _ in range(arguments.rounds):
        one = run(arguments.model, (1.0,), arguments.seconds)
        many = run(arguments.model, (1.0,) * CAMERAS, arguments.seconds)
        slowest.append(many.slowest)
        ratios.append(many.cpu / (CAMERAS * one.cpu))
        each = " ".join(f"{rate:.2f}" for rate in many.rates)
        print(
            f"one camera: {one.rates[0]:.2f} /s, CPU {one.cpu:.3f}; {CAMERAS}: {each} /s, CPU {many.cpu:.3f}",
            flush=True,
        )
    print(f"slowest {median(slowest):.3f} of the mean, CPU ratio {median(ratios):.3f}")
    with tempfile.TemporaryDirectory() as name:
        slow = str(slow_network(Path(name), 40, 320))
        # Slow enough that not even the heaviest reaches its cap.
        for what, weights in (("even", (1.0,) * CAMERAS), ("weights 2 1 1 ...", WEIGHTS)):
            busy = run(slow, weights, arguments.seconds)
            each = " ".join(f"{rate:.2f}" for rate in busy.rates)
            fair = [rate / weight for rate, weight in zip(busy.rates, weights, strict=True)]
            print(f"busy, {what}: {each} /s; slowest by weight {min(fair) / (sum(fair) / len(fair)):.3f} of the mean")


if __name__ == "__main__":
    main()
