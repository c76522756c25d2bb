"""Measures a loaded model on this machine: frames a second and times, per mode and precision.

What is measured once is kept beside the model in tuning.json, so that a start never measures again. Measuring happens
in a child (python -m backends.tuning NAME MODULE:CLASS, a request on standard input), so that the memory of engines
that were only tried is given back.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from backends import bridge, child
from backends.artifact import Artifact
from backends.atomic import write_atomic
from backends.contract import BackendError, BackendUnavailable, Engine, EngineError
from backends.heads import make_head
from backends.points import named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from backends.contract import Progress
    from backends.registry.registered import Registered

_SECONDS = 0.9
_TIMEOUT = 120.0
_MODES_TIMEOUT = 60.0  # of the 120 s that a worker may be silent in while it loads
_ROUNDS = 3
_FEWEST_RUNS = 6  # that one engine needs for a round: two before the clock starts, then two on each of two streams
_MODES = ("latency", "throughput")
_SLOW_CODE = 3
_SLOW_SECONDS = 24 * 3600.0


class TooSlow(EngineError):
    """The model runs here, but measuring it takes longer than there is time for."""


@dataclass(frozen=True, slots=True)
class Measured:
    """fps with all streams busy; p50_ms and p99_ms of one run meanwhile. mode: "" where the backend has none."""

    mode: str
    precision: str
    streams: int
    fps: float
    p50_ms: float
    p99_ms: float
    device: str
    version: str


def mode_speeds(
    entry: tuple[str, str], artifact: Artifact, options: dict[str, Any], machine: Sequence[str]
) -> dict[str, float]:
    """Frames a second of the modes "latency" and "throughput" for this model here; measured once, then kept.

    entry: name and "module:Class" of the backend. machine: what else the answer depends on (chip, runtime version).
    Raises EngineError when measuring fails; a model that was too slow for it is not tried again for a day.
    """
    record = artifact.path.parent / "tuning.json"
    about = [artifact.sha256, artifact.precision, sorted(options.items()), os.cpu_count(), platform.machine(), *machine]
    asked = json.dumps(about)
    key = hashlib.sha256(asked.encode()).hexdigest()[:16]
    kept = _kept(record).get(key)
    speeds = _valid(kept)
    if speeds:
        return speeds
    if why := _slow_lately(kept):
        raise TooSlow(why)
    try:
        rows = measure(entry, artifact, [{**options, "mode": mode} for mode in _MODES], _MODES_TIMEOUT)
    except TooSlow as e:
        _keep(record, key, {"slow": str(e), "at": time.time()})
        raise
    speeds = {row.mode: row.fps for row in rows}
    _keep(record, key, speeds)
    return speeds


def measure(
    entry: tuple[str, str], artifact: Artifact, variants: Sequence[dict[str, Any]], timeout: float = _TIMEOUT
) -> list[Measured]:
    """Loads the model with each of the options in a child and runs each for about a second. Raises EngineError.

    entry: name and "module:Class" of the backend. variants: options of the backend, where it has them, and "precision".
    """
    command = bridge.command(sys.executable, "backends.tuning", *entry)
    return _ask(command, {**os.environ, "PYTHONSAFEPATH": "1"}, artifact, variants, timeout, lambda _phase, _done: None)


def measure_installed(
    backend: Registered,
    artifact: Artifact,
    variants: Sequence[dict[str, Any]],
    progress: Progress,
    timeout: float = _TIMEOUT,
) -> list[Measured]:
    """`measure` of an installed backend, in the interpreter and the environment of its worker. Raises EngineError.

    variants: above the backend's own options from backends.d. progress: called on another thread with what the backend
    says while it loads.
    """
    words = backend.command(0, 0)
    start = words[: words.index("backends.worker")]  # its interpreter, and how that one finds our modules
    command = [*start, "backends.tuning", backend.name, backend.entry_point]
    chosen = [{**backend.options, **variant} for variant in variants]
    return _ask(command, backend.environment(), artifact, chosen, timeout, progress)


def _ask(
    command: Sequence[str],
    environment: dict[str, str],
    artifact: Artifact,
    variants: Sequence[dict[str, Any]],
    timeout: float,
    progress: Progress,
) -> list[Measured]:
    request = json.dumps({"artifact": artifact.to_json(), "variants": list(variants), "seconds": timeout})
    try:
        answer = child.ask(command, environment, request, timeout, progress)
    except TimeoutError as e:
        raise TooSlow(f"measuring {artifact.name} took more than {timeout:.0f} s") from e
    except OSError as e:
        raise EngineError(f"measuring {artifact.name} failed: {command[0]}: {e.strerror}") from e
    if answer.code != 0:
        kind = TooSlow if answer.code == _SLOW_CODE else EngineError
        raise kind(f"measuring {artifact.name} failed: {_cause(answer)}")
    try:
        return [Measured(**row) for row in json.loads(answer.output.splitlines()[-1])]
    except (IndexError, ValueError, TypeError) as e:
        raise EngineError(f"measuring {artifact.name} failed: no figures came") from e


def _cause(answer: child.Answer) -> str:
    if answer.code < 0:
        return f"killed by {signal.Signals(-answer.code).name}"
    lines = [line for line in answer.errors if line.strip()]
    return lines[-1].strip() if lines else f"exit code {answer.code}"


def run_busy(engine: Engine, height: int, width: int, seconds: float = _SECONDS) -> tuple[float, list[float]]:
    """All streams of the engine busy for that long: frames a second, and the seconds of each run.

    Raises what a run raises: with a stream less the figures would be too low.
    """
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

    with ThreadPoolExecutor(engine.info.streams) as pool:
        for done in [pool.submit(stream) for _ in range(engine.info.streams)]:
            done.result()
    return len(times) / (time.monotonic() - start), times


def _load(backend: Any, artifact: Artifact, options: dict[str, Any]) -> Engine:
    precision = options.get("precision")
    if precision:
        artifact = replace(artifact, precision=precision)
    own = {field.name for field in fields(backend.options)}
    known = backend.options(**{key: value for key, value in options.items() if key in own})
    *others, last = backend.probe()
    for device in others:  # a running daemon may hold one of several
        with contextlib.suppress(BackendUnavailable):
            return cast("Engine", backend.load(artifact, device, known, child.tell))
    return cast("Engine", backend.load(artifact, last, known, child.tell))


def _measure_all(
    backend: Any, artifact: Artifact, variants: Sequence[dict[str, Any]], seconds: float
) -> list[Measured]:
    """The variants in turn, several short rounds, of each its best: what else runs here only ever takes speed away.

    seconds: within which it should be done; a slow model has fewer rounds. Raises TooSlow where not even one fits.
    """
    until = time.monotonic() + seconds
    engines: list[Engine] = []
    best: list[tuple[float, list[float]]] = [(0.0, [])] * len(variants)
    try:
        for options in variants:
            engines.append(_load(backend, artifact, options))
            make_head(artifact, engines[-1].info.outputs)  # an engine whose outputs no head decodes serves nobody
            if len(engines) == 1:
                one = _one_run(engines[0], artifact)
                if time.monotonic() + one * _FEWEST_RUNS * len(variants) > until:
                    raise TooSlow(f"one run takes {one:.1f} s, too long to compare modes within {seconds:.0f} s")
        for _ in range(_ROUNDS):
            start = time.monotonic()
            for i, engine in enumerate(engines):
                found = run_busy(engine, artifact.input.height, artifact.input.width, _SECONDS / _ROUNDS)
                best[i] = max(best[i], found)
            if 2 * time.monotonic() - start > until:  # another would not be done in time
                break
        return [
            _measured(options.get("mode", ""), engine, fps, times)
            for options, engine, (fps, times) in zip(variants, engines, best, strict=True)
        ]
    finally:
        for engine in engines:
            engine.close()


def _one_run(engine: Engine, artifact: Artifact) -> float:
    """Seconds."""
    start = time.monotonic()
    engine.run(np.zeros((artifact.input.height, artifact.input.width, 3), np.uint8))
    return time.monotonic() - start


def _measured(mode: str, engine: Engine, fps: float, times: list[float]) -> Measured:
    ordered = sorted(times)
    p50, p99 = (round(ordered[min(len(ordered) - 1, int(len(ordered) * q))] * 1e3, 3) for q in (0.5, 0.99))
    info = engine.info
    return Measured(mode, info.precision, info.streams, round(fps, 1), p50, p99, info.device, info.version)


def _valid(speeds: Any) -> dict[str, float]:
    """The speeds of a record, or none where somebody else wrote into it."""
    if isinstance(speeds, dict) and all(isinstance(speeds.get(mode), (int, float)) for mode in _MODES):
        return {mode: float(speeds[mode]) for mode in _MODES}
    return {}


def _slow_lately(record: Any) -> str:
    """Why measuring it took too long, where it did during the last day: no start waits for that again."""
    if not isinstance(record, dict) or not isinstance(at := record.get("at"), (int, float)):
        return ""
    return str(record.get("slow", "")) if 0 <= time.time() - at < _SLOW_SECONDS else ""


def _kept(record: Path) -> dict[str, Any]:
    try:
        kept = json.loads(record.read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _keep(record: Path, key: str, found: dict[str, Any]) -> None:
    """Beside what is kept of other models by now; measuring takes seconds, and several may do so at once.

    Best effort: with a model folder that cannot be written it is measured at each start.
    """
    with contextlib.suppress(OSError):
        write_atomic(record, json.dumps({**_kept(record), key: found}, indent=1).encode())


def main(argv: Sequence[str]) -> int:
    if len(argv) != 2:
        sys.stderr.write("usage: python -m backends.tuning NAME MODULE:CLASS < request\n")
        return 2
    child.die_with_parent()  # a worker that is killed takes its measuring along
    request = json.load(sys.stdin)
    artifact = Artifact.from_json(request["artifact"])
    backend = named(argv[1])()
    try:
        rows = [asdict(row) for row in _measure_all(backend, artifact, request["variants"], request["seconds"])]
    except BackendError as e:
        sys.stderr.write(f"{e}\n")
        return _SLOW_CODE if isinstance(e, TooSlow) else 1
    print(json.dumps(rows))  # noqa: T201 - the answer to the parent
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
