"""One real daemon under measurement: its own process, its own broker, a subscriber here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.publish.clock import from_isotime
from agent.publish.endpoint import Endpoint
from agent.publish.subscribe import Subscriber
from agent.publish.topics import Topics
from agent.tools.broker import start_broker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from agent.publish.message import Message

_START_TIMEOUT = 30.0
_WARM_SECONDS = 1.5
_DETECTIONS = Topics("", "bench").detections("bench")


class RunError(Exception):
    """The daemon under measurement did not do its part."""


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99, by linear interpolation, with two decimals."""
    return {f"p{q}": round(float(np.percentile(values, q)), 2) for q in (50, 95, 99)}


class Run:
    """A context: the daemon runs inside it, with one camera named bench.

    source: a path or URL. camera: further keys of the camera; engine: keys of `engine`. module: whose `run` is started.
    started and first_detections are time.monotonic().
    """

    def __init__(
        self,
        model: str,
        source: Path | str,
        camera: Mapping[str, object],
        engine: Mapping[str, object] | None = None,
        module: str = "agent.cli",
    ) -> None:
        self._module = module
        self._config = {
            "device": "bench",
            "model": str(model),
            "engine": dict(engine or {}),
            "mqtt": {"detections": {"max_rate": 0}},
            "cameras": {"bench": {"source": _absolute(source), "fps": 0, "confidence": 0.3, **camera}},
        }
        self.started = 0.0
        self.first_detections = 0.0
        self.messages: list[Message] = []
        self._first = threading.Event()

    def __enter__(self) -> Run:
        self._folder = tempfile.TemporaryDirectory(prefix="vedette-bench-")
        folder = Path(self._folder.name)
        self._broker = start_broker()
        self._config["mqtt"]["url"] = f"mqtt://127.0.0.1:{self._broker.port}"  # type: ignore[index]
        self._subscriber = Subscriber(
            Endpoint(self._broker.host, self._broker.port),
            [_DETECTIONS],
            self._hear,
            verb="bench",
            protocol=self._broker.protocol,
        )
        self._subscriber.start()
        (folder / "vedette.yaml").write_text(json.dumps(self._config))  # JSON is YAML
        self._log = (folder / "log").open("w+")
        self.started = time.monotonic()
        self.daemon = subprocess.Popen(
            [sys.executable, "-m", self._module, "run", "-c", str(folder / "vedette.yaml")],
            env={**os.environ, "STATE_DIRECTORY": str(folder), "RUNTIME_DIRECTORY": str(folder)},
            stderr=self._log,
        )
        if not self._first.wait(_START_TIMEOUT):
            said = (folder / "log").read_text()[-2000:]
            self.__exit__(None, None, None)
            raise RunError(f"no detections within {_START_TIMEOUT:.0f} s; the daemon said:\n{said}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.daemon.send_signal(signal.SIGTERM)
        try:
            self.daemon.wait(10)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
        self._subscriber.stop()
        self._broker.stop()
        self._log.close()
        self._folder.cleanup()

    def status(self) -> dict[str, Any]:
        """The daemon's own status file."""
        body: dict[str, Any] = json.loads((Path(self._folder.name) / "status.json").read_text())
        return body

    def measure(self, seconds: float) -> dict[str, Any]:
        """What happens in that many seconds, once the run is warm."""
        time.sleep(_WARM_SECONDS)
        pids = {"daemon": self.daemon.pid, "worker": self._worker()}
        cpu = {name: _cpu_seconds(pid) for name, pid in pids.items()}
        before = self.status()
        first, begin = len(self.messages), time.monotonic()
        time.sleep(seconds)
        last, end = len(self.messages), time.monotonic()
        used = {name: _cpu_seconds(pid) - cpu[name] for name, pid in pids.items()}
        heard = [(m, json.loads(m.payload)) for m in self.messages[first:last]]
        window = [m for m, body in heard if body["inferred"]]
        bodies = [body for _, body in heard if body["inferred"]]
        if len(bodies) < 2:
            raise RunError(f"{len(bodies)} detections messages in {seconds:.0f} s")
        offset = time.time() - time.monotonic()
        age = [
            (m.at + offset - from_isotime(b["frame"]["captured_at"])) * 1e3 for m, b in zip(window, bodies, strict=True)
        ]
        after = self.status()
        engine = next(iter(after["engines"].values()))
        return {
            "fps": round(len(bodies) / (end - begin), 1),
            "frames_per_second": _rate(before, after, "frames"),
            "inferred_per_second": _rate(before, after, "inferred"),
            "age_ms": percentiles(age),
            "service_ms": percentiles([b["latency_ms"]["inference"] for b in bodies]),
            "boxes": round(sum(len(b["detections"]) for b in bodies) / len(bodies), 1),
            "daemon_cpu_ms": round(used["daemon"] / len(bodies) * 1e3, 3),
            "worker_cpu_ms": round(used["worker"] / len(bodies) * 1e3, 3),
            "peak_rss_mb": {name: _peak_mb(pid) for name, pid in pids.items()},
            "engine": "; ".join(engine.get("notes", ())),
        }

    def _hear(self, message: Message) -> None:
        self.messages.append(message)
        if not self._first.is_set() and b'"inferred":true' in message.payload:
            self.first_detections = message.at
            self._first.set()

    def _worker(self) -> int:
        children = Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children").read_text().split()
        for pid in map(int, children):
            if b"backends.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        raise RunError("the daemon has no worker")


def _rate(before: Mapping[str, Any], after: Mapping[str, Any], what: str) -> float:
    """Of the one camera's counter, between two status files of different age."""
    count = float(after["cameras"]["bench"][what] - before["cameras"]["bench"][what])
    return round(count / max(float(after["uptime"] - before["uptime"]), 1e-3), 1)


def _absolute(source: Path | str) -> str:
    """A path would else begin at the folder of the config made here."""
    return str(source.resolve()) if isinstance(source, Path) else source


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) * 1024 / 1e6, 1)
    raise RunError(f"process {pid} is gone")
