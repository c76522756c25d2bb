"""One `vedette run` over a clip to its end, here or in the root: what it published, and how it was."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.slow.arm64.root import VEDETTE
from tests.support.audience import TOPICS
from tests.support.brokers import wait_for
from tests.support.daemon import config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.slow.arm64.root import Root
    from tests.support.audience import Audience

CAMERA = "clip"
FRAMES = 12
"""Of the clip."""
SECONDS = 600.0
"""For a whole run under emulation, with a clip of a dozen frames."""
_PATIENCE = 3
"""So many failures of engines may be; then waiting for the end is in vain."""
_LATE = ("no answer for", "no sign of life")
"""What is said of an engine, or of the child that tries a runtime, when it is too slow."""
_RUN = ("run", "-c", "vedette.yaml")


@dataclass(frozen=True, slots=True)
class Played:
    """What was heard of a whole run.

    found: by frame index, what `detections` said. unknown: why a frame was not looked at. failures: of engines, but for
    late ones. late: how many missed their deadline. board: the daemon's own word for where it runs. seconds:
    from start to end.
    """

    found: dict[int, list[dict[str, Any]]]
    unknown: list[str]
    failures: list[str]
    late: int
    board: str
    inference_ms: list[float]
    seconds: float

    def summary(self) -> str:
        middle, most = statistics.median(self.inference_ms), max(self.inference_ms)
        boxes = sum(len(found) for found in self.found.values())
        return (
            f"{self.board}: {len(self.found)} frames, {boxes} detections in {self.seconds:.1f} s; "
            f"inference {middle:.0f} ms, at most {most:.0f} ms, {self.late} too late"
        )


def play(
    folder: Path,
    audience: Audience,
    port: int,
    keys: Mapping[str, object],
    root: Root | None = None,
    environment: Mapping[str, str] | None = None,
) -> Played:
    """Runs the daemon in `folder`, which holds clip.avi and what `keys` (of the config, paths relative) name.

    root: where it runs; without one on this machine. The audience must be a fresh one of the broker at `port`.
    """
    camera = {"source": "clip.avi", "pace": "max", "hwaccel": "none", **keys.get("camera", {})}  # type: ignore[dict-item]
    rest = {key: value for key, value in keys.items() if key != "camera"}
    mqtt = {"url": f"mqtt://127.0.0.1:{port}", "detections": {"max_rate": 0}}
    (folder / "vedette.yaml").write_text(config(port, {CAMERA: camera}, mqtt=mqtt, log={"level": "debug"}, **rest))
    own = {"STATE_DIRECTORY": "state", "RUNTIME_DIRECTORY": "state", "PYTHONWARNINGS": "default", **(environment or {})}
    command = root.command(folder, [VEDETTE, *_RUN], own) if root else [sys.executable, "-m", "agent.cli", *_RUN]
    began = time.monotonic()
    with (folder / "vedette.log").open("w+b") as log:
        daemon = subprocess.Popen(["nice", *command], cwd=folder, env={**os.environ, **own}, stdout=log, stderr=log)
        try:
            wait_for(lambda: daemon.poll() is not None or _failures(audience)[_PATIENCE:], SECONDS)
        finally:
            daemon.kill()
            code = daemon.wait(10)
    seconds = time.monotonic() - began
    assert code == 0, f"exit code {code}: {(folder / 'vedette.log').read_text(errors='replace')[-6000:]}"
    wait_for(lambda: audience.statuses()[-1:] == [b"offline"], 10, "the daemon did not say that it ends")
    return _played(audience, seconds)


def _played(audience: Audience, seconds: float) -> Played:
    bodies = [json.loads(payload) for topic, payload in audience.heard() if topic == TOPICS.detections(CAMERA)]
    seen = [body for body in bodies if body["inferred"]]
    failures = _failures(audience)
    return Played(
        found={body["frame"]["index"]: body["detections"] for body in seen},
        unknown=[body["reason"] for body in bodies if not body["inferred"]],
        failures=[cause for cause in failures if not _late(cause)],
        late=sum(map(_late, failures)),
        board=next(json.loads(payload)["board"] for topic, payload in audience.heard() if topic == TOPICS.info),
        inference_ms=[body["latency_ms"]["inference"] for body in seen],
        seconds=seconds,
    )


def _late(cause: str) -> bool:
    return any(words in cause for words in _LATE)


def _failures(audience: Audience) -> list[str]:
    told = [json.loads(payload) for topic, payload in audience.heard() if "/engine/" in topic and payload]
    return [f"{status['backend']}: {status['cause']}" for status in told if status["state"] == "failed"]
