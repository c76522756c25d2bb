"""Measures a loaded model on this machine: frames a second and times, per mode and precision.

What is measured once is kept beside the model in tuning.json, so that a start never measures again. Measuring happens
in a child (python -m backends.tuning NAME MODULE:CLASS, a request on standard input), so that the memory of engines
that were only tried is given back.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, replace
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.artifact import Artifact
from backends.contract import BackendError, Engine, EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PR_SET_PDEATHSIG = 1
_SECONDS = 0.7
_TIMEOUT = 120.0
# Two streams make each frame wait longer for its own result, so only clearly more frames pay for that.
_THROUGHPUT_MUST_GAIN = 1.15


@dataclass(frozen=True, slots=True)
class Measured:
    """fps with all streams busy; p50_ms and p99_ms of one run meanwhile."""

    mode: str
    precision: str
    streams: int
    fps: float
    p50_ms: float
    p99_ms: float


def faster_mode(
    entry: tuple[str, str], artifact: Artifact, options: dict[str, Any], machine: Sequence[str]
) -> tuple[str, str]:
    """The mode for this model here, latency or throughput, and the figures in words.

    entry: name and "module:Class" of the backend. machine: what else the answer depends on (chip, runtime version).
    Raises EngineError when measuring fails.
    """
    record = artifact.path.parent / "tuning.json"
    asked = json.dumps([artifact.sha256, sorted(options.items()), os.cpu_count(), platform.machine(), *machine])
    key = hashlib.sha256(asked.encode()).hexdigest()[:16]
    kept = _kept(record)
    rows = _valid(kept.get(key))
    if not rows:
        rows = [
            asdict(m) for m in measure(entry, artifact, [{**options, "mode": m} for m in ("latency", "throughput")])
        ]
        _keep(record, {**kept, key: rows})
    latency, throughput = rows
    mode = "throughput" if throughput["fps"] >= latency["fps"] * _THROUGHPUT_MUST_GAIN else "latency"
    return mode, f"latency {latency['fps']:.0f} fps, throughput {throughput['fps']:.0f} fps"


def measure(entry: tuple[str, str], artifact: Artifact, variants: Sequence[dict[str, Any]]) -> list[Measured]:
    """Loads the model with each of the options in a child and runs it for 0.7 s. Raises EngineError."""
    request = json.dumps({"artifact": artifact.to_json(), "variants": list(variants)})
    try:
        child = subprocess.run(
            [sys.executable, "-m", "backends.tuning", *entry],
            input=request, capture_output=True, text=True, timeout=_TIMEOUT, check=False,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as e:
        raise EngineError(f"measuring {artifact.name} took more than {_TIMEOUT:.0f} s") from e
    if child.returncode != 0:
        last = child.stderr.strip().splitlines()[-1:] or [f"exit code {child.returncode}"]
        raise EngineError(f"measuring {artifact.name} failed: {last[0]}")
    return [Measured(**row) for row in json.loads(child.stdout.splitlines()[-1])]


def run_busy(engine: Engine, height: int, width: int, seconds: float = _SECONDS) -> tuple[float, list[float]]:
    """All streams of the engine busy for that long: frames a second, and the seconds of each run."""
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    times: list[float] = []
    for _ in range(2):
        engine.run(image)
    start = time.monotonic()

    def stream() -> None:
        while len(times) < 2 or time.monotonic() - start < seconds:
            before = time.monotonic()
            engine.run(image)
            times.append(time.monotonic() - before)

    threads = [threading.Thread(target=stream) for _ in range(engine.info.streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(times) / (time.monotonic() - start), times


def _measure_one(backend: Any, artifact: Artifact, options: dict[str, Any]) -> Measured:
    precision = options.get("precision")
    if precision:
        artifact = replace(artifact, precision=precision)
    known = {k: v for k, v in options.items() if k != "precision"}
    engine = backend.load(artifact, backend.probe()[0], backend.options(**known), lambda *_: None)
    try:
        fps, times = run_busy(engine, artifact.input.height, artifact.input.width)
        ordered = sorted(times)
        p50, p99 = (round(ordered[min(len(ordered) - 1, int(len(ordered) * q))] * 1e3, 3) for q in (0.5, 0.99))
        return Measured(options["mode"], engine.info.precision, engine.info.streams, round(fps, 1), p50, p99)
    finally:
        engine.close()


def _valid(rows: Any) -> list[dict[str, Any]]:
    """The two rows of a record, or none where somebody else wrote into it."""
    good = isinstance(rows, list) and len(rows) == 2
    if good and all(isinstance(row, dict) and isinstance(row.get("fps"), (int, float)) for row in rows):
        return list(rows)
    return []


def _kept(record: Path) -> dict[str, Any]:
    try:
        kept = json.loads(record.read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _keep(record: Path, values: dict[str, Any]) -> None:
    """Best effort: with a model folder that cannot be written it is measured at each start."""
    draft = record.with_suffix(f".{os.getpid()}.part")
    try:
        draft.write_text(json.dumps(values, indent=1))
        draft.replace(record)
    except OSError:
        draft.unlink(missing_ok=True)


def main(argv: Sequence[str]) -> int:
    if len(argv) != 2:
        sys.stderr.write("usage: python -m backends.tuning NAME MODULE:CLASS < request\n")
        return 2
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a worker that is killed takes its measuring along
    request = json.load(sys.stdin)
    artifact = Artifact.from_json(request["artifact"])
    backend = EntryPoint(argv[0], argv[1], "vedette.backends").load()()
    try:
        rows = [asdict(_measure_one(backend, artifact, options)) for options in request["variants"]]
    except BackendError as e:
        sys.stderr.write(f"{e}\n")
        return 1
    print(json.dumps(rows))  # noqa: T201 - the answer to the parent
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
