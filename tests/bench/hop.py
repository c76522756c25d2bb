"""What the hop to the worker and back costs: the same engine through its worker process and called directly.

The model is the tiny one of tests/bench/cost.py, so that the difference is not that of two large numbers. Both ways
take turns in one run. python -m tests.bench.hop
"""

from __future__ import annotations

import argparse
import json
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from agent.dispatch.engine import RemoteEngine
from agent.dispatch.spec import EngineSpec
from backends.heads import make_head
from backends.models.resolve import open_artifact
from backends.openvino import OpenVINO, Options
from backends.registry import Registered
from tests.bench.cost import model
from tests.support.rig import spawn

ENTRY = Registered("openvino", "backends.openvino:OpenVINO", "")


class Hop:
    """One request in flight, as a live camera has it."""

    def __init__(self, engine: RemoteEngine) -> None:
        self._engine = engine
        self._n = 0
        while not engine.serving:
            self.turn()

    def turn(self) -> bool:
        """Whether an answer came."""
        fds = self._engine.filenos()
        readable = select.select(fds, [], [], 0.05)[0] if fds else []
        done = self._engine.receive(time.monotonic(), readable)
        return bool(done + self._engine.advance(time.monotonic()))

    def run(self, image: np.ndarray) -> float:
        slot = self._engine.slots.free.pop()
        self._engine.image(slot)[:] = image
        began = time.perf_counter()
        self._n += 1
        self._engine.submit(slot, self._n, 0.1, time.monotonic())
        while not self.turn():
            pass
        return time.perf_counter() - began


def bare(runs: int) -> float:
    """Seconds for one byte to another process and back: what this machine takes to wake two sleepers, at the least."""
    echo = "import os\nwhile x := os.read(0, 1): os.write(1, x)"
    with subprocess.Popen([sys.executable, "-c", echo], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as p:
        assert p.stdin is not None
        assert p.stdout is not None
        times = []
        for _ in range(runs):
            began = time.perf_counter()
            p.stdin.write(b"x")
            p.stdout.read(1)
            times.append(time.perf_counter() - began)
        p.stdin.close()
    return median(times)


def measure(rounds: int, runs: int) -> dict[str, float]:
    """Milliseconds, medians over the rounds. hop: the difference of the ways; bare_pipe: what nobody can save of it."""
    with tempfile.TemporaryDirectory() as folder:
        artifact = open_artifact(model(Path(folder)))
        spec = EngineSpec("hop", ENTRY, (artifact,), {"mode": "latency", "threads": 1})
        remote = RemoteEngine(spec, spawn)
        hop = Hop(remote)
        backend = OpenVINO()
        engine = backend.load(artifact, backend.probe()[0], Options("latency", 1), lambda *_: None)
        head = make_head(artifact, engine.info.outputs)
        image = np.zeros((artifact.input.height, artifact.input.width, 3), np.uint8)
        rows = []
        for _ in range(rounds):
            there = median(hop.run(image) for _ in range(runs))
            times = []
            for _ in range(runs):
                began = time.perf_counter()
                head.decode(engine.run(image), 0.1)
                times.append(time.perf_counter() - began)
            rows.append((there * 1e3, median(times) * 1e3, bare(runs) * 1e3))
        remote.close(1.0)
    return {
        "through_the_worker_ms": round(median(row[0] for row in rows), 4),
        "direct_ms": round(median(row[1] for row in rows), 4),
        "hop_ms": round(median(row[0] - row[1] for row in rows), 4),
        "bare_pipe_ms": round(median(row[2] for row in rows), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--runs", type=int, default=400)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.rounds, arguments.runs), indent=2))


if __name__ == "__main__":
    main()
