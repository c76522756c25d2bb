"""`vedette bench`: the whole pipeline against the bare engine on this machine, both in the same run.

Each figure is of real parts: the daemon in its own process with its worker, a real broker, a subscriber here. The
other side, the bare engine, gets prepared input tensors of the same clip and does nothing but infer.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from agent import __version__
from agent.capture.opening import open_source
from agent.capture.source import SourceError
from agent.config.model import CameraConfig
from agent.dispatch.scaler import Scaler
from agent.runtime import machine
from agent.tools.broker import BrokerError
from agent.tools.demo import CLIP
from agent.tools.testbed import Run, RunError
from backends.contract import BackendError
from backends.models import store

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from agent.capture.frame import Picture
    from backends.artifact import Artifact

PARTS = ("throughput", "latency", "start", "scene")
_EVERYTHING = {
    "zones": {
        "left": {"polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]},
        "right": {"polygon": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]},
    },
    "lines": {"across": {"points": [[0.5, 0], [0.5, 1]]}, "along": {"points": [[0, 0.6], [1, 0.6]]}},
    "snapshots": {"enabled": True},
}
_CAMERAS: dict[str, dict[str, object]] = {
    "tracked": {},
    "everything": _EVERYTHING,
    "gated": {**_EVERYTHING, "motion": {"enabled": True}},
}
_ROUNDS = 3
_SECONDS = 6.0
_LONGEST = 120.0
"""Seconds for the bare engine, its loading too."""
_PREPARED = 120


class BenchError(Exception):
    """Why a measurement could not be made; the text is for the user."""


def bench(model: str, clip: Path | None, only: Sequence[str] | None, tell: Callable[[str], None]) -> dict[str, Any]:
    """All figures as plain data, or those of the parts in `only`. Raises BenchError."""
    try:
        artifact = store.find(model)
        clip = clip.resolve() if clip else store.clip(CLIP, lambda *_: None)
        _look_at(clip)
        figures: dict[str, Any] = {"machine": _machine(), "model": artifact.name, "clip": clip.name}
        for part in only or PARTS:
            tell(f"{part} ...")
            figures[part] = _MEASURES[part](artifact, model, clip)
    except (BackendError, SourceError, BrokerError, RunError, OSError) as e:
        raise BenchError(str(e)) from e
    return figures


def throughput(
    artifact: Artifact, model: str, clip: Path, module: str = "agent.cli", rounds: int = _ROUNDS
) -> dict[str, Any]:
    """Frames a second published at `pace: max` over those of the bare loop, taken in turns; CPU and memory too.

    module: whose `run` the daemon is.
    """
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
        request = _prepare(artifact, clip, Path(folder))
        rows = []
        for _ in range(rounds):
            bare = _child("backends.bare_loop", str(request))
            with Run(model, clip, {"pace": "max", "loop": True}, module=module) as run:
                rows.append((bare, run.measure(_SECONDS)))
    decode_ms = decode_cpu_ms(clip)
    ratios = [pipeline["fps"] / bare["fps"] for bare, pipeline in rows]
    bare_cpu = median(bare["cpu_ms"] for bare, _ in rows)
    return {
        "ratio": round(median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "pipeline_fps": median(pipeline["fps"] for _, pipeline in rows),
        "bare_fps": median(bare["fps"] for bare, _ in rows),
        "bare_streams": rows[0][0]["streams"],
        "precision": rows[0][0]["precision"],
        "engine": rows[0][1]["engine"],
        "cpu_ms_per_frame": {
            "daemon": median(pipeline["daemon_cpu_ms"] for _, pipeline in rows),
            "worker": median(pipeline["worker_cpu_ms"] for _, pipeline in rows),
            "bare": bare_cpu,
            "decode": decode_ms,
            "daemon_beside_decode": round(median(p["daemon_cpu_ms"] for _, p in rows) - decode_ms, 3),
        },
        "peak_rss_mb": rows[0][1]["peak_rss_mb"],
    }


def latency(artifact: Artifact, model: str, clip: Path) -> dict[str, Any]:
    """Capture to subscriber with a file paced at 30 frames a second, over the engine's service time."""
    del artifact
    with Run(model, clip, {"pace": "realtime", "loop": True}) as run:
        figures = run.measure(2 * _SECONDS)
    service = figures["service_ms"]["p50"]
    return {
        "capture_to_subscriber_ms": figures["age_ms"],
        "service_ms": figures["service_ms"],
        "ratio_p50": round(figures["age_ms"]["p50"] / service, 2),
        "ratio_p99": round(figures["age_ms"]["p99"] / service, 2),
        "fps": figures["fps"],
    }


def start(artifact: Artifact, model: str, clip: Path) -> dict[str, Any]:
    """Seconds from the start of the process to the first message with detections, and what `--help` costs."""
    del artifact
    times = []
    for _ in range(_ROUNDS):
        with Run(model, clip, {"pace": "max", "loop": True}) as run:
            times.append(run.first_detections - run.started)
    return {
        "to_first_publish_s": round(median(times), 2),
        "all_s": [round(t, 2) for t in times],
        "help_cpu_s": round(_cpu_of([sys.executable, "-m", "agent.cli", "--help"]), 3),
    }


def scene(artifact: Artifact, model: str, clip: Path) -> dict[str, Any]:
    """Tracks, zones, lines, events and snapshots on, at `pace: max`, over the bare loop; then the gate too.

    With the gate, the frames are those it looked at or decided not to; `gated_inferred` is the part it looked at.
    """
    fps: dict[str, list[float]] = {name: [] for name in ("bare", *_CAMERAS)}
    inferred, cpu_ms = [], dict.fromkeys(_CAMERAS, 0.0)
    with tempfile.TemporaryDirectory(prefix="vedette-bench-") as folder:
        request = _prepare(artifact, clip, Path(folder))
        for _ in range(_ROUNDS):
            fps["bare"].append(_child("backends.bare_loop", str(request))["fps"])
            for name, camera in _CAMERAS.items():
                with Run(model, clip, {"pace": "max", "loop": True, **camera}) as run:
                    measured = run.measure(_SECONDS)
                fps[name].append(measured["frames_per_second"])
                cpu_ms[name] = measured["daemon_cpu_ms"]
                share = measured["inferred_per_second"] / measured["frames_per_second"]
            inferred.append(share)  # the gated one is the last

    def ratio(name: str, over: str) -> float:
        return round(median(a / b for a, b in zip(fps[name], fps[over], strict=True)), 3)

    return {
        **{f"{name}_over_bare": ratio(name, "bare") for name in _CAMERAS},
        "everything_over_tracked": ratio("everything", "tracked"),
        "gated_inferred": round(median(inferred), 3),
        "daemon_cpu_ms_per_inferred": cpu_ms,
    }


_MEASURES: dict[str, Callable[[Artifact, str, Path], dict[str, Any]]] = {
    "throughput": throughput,
    "latency": latency,
    "start": start,
    "scene": scene,
}


def _prepare(artifact: Artifact, clip: Path, folder: Path) -> Path:
    """The clip's first frames as input images in a file, and the request that names it."""
    spec = artifact.input
    scaler = Scaler(spec.width, spec.height, spec.resize, spec.pad)
    images = []
    for picture in _pictures(clip):
        image = np.empty((spec.height, spec.width, 3), np.uint8)
        scaler.scale(picture, 0, image)
        images.append(image)
        if len(images) == _PREPARED:
            break
    np.save(folder / "images.npy", np.stack(images))
    request = folder / "request.json"
    body = {"artifact": artifact.to_json(), "images": str(folder / "images.npy"), "seconds": _SECONDS, "threads": None}
    request.write_text(json.dumps(body))
    return request


def _pictures(clip: Path) -> Generator[Picture, None, None]:
    config = CameraConfig(id="bench", source=str(clip), kind="file", pace="max", hwaccel="none")
    source = open_source(config, lambda: False)
    try:
        for decoded in source.frames():
            yield decoded.picture
    finally:
        source.close()


def _look_at(clip: Path) -> None:
    """Here, where it is said at once: the daemon under measurement would wait for it. Raises SourceError."""
    with closing(_pictures(clip)) as pictures:
        if next(pictures, None) is None:
            raise SourceError(f"there is no picture in {clip}")


def decode_cpu_ms(clip: Path) -> float:
    """CPU of decoding alone, per frame, with the daemon's own settings."""
    frames, before = 0, time.process_time()
    for _ in _pictures(clip):
        frames += 1
    return round((time.process_time() - before) / max(frames, 1) * 1e3, 3)


def _child(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", *arguments]
    try:
        child = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST, check=False)
    except subprocess.TimeoutExpired as e:
        late = f"{arguments[0]} took more than {_LONGEST:g} s"
        raise BenchError(f"{late}: try a smaller model, or an idle machine") from e
    if child.returncode:
        raise BenchError(child.stderr.strip()[-500:])
    answer: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return answer


def _cpu_of(command: list[str]) -> float:
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, timeout=30, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _machine() -> dict[str, Any]:
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "board": machine.board(),
        "os": machine.operating_system(),
        "python": platform.python_version(),
        "vedette": __version__,
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def _cpu_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit() -> str | None:
    with suppress(OSError, subprocess.SubprocessError):
        git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
        return subprocess.run(git, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    return None
