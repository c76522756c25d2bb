"""TFLite files on the CPU, by LiteRT and its XNNPACK kernels: the twin of an Edge TPU file where OpenVINO is not."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backends.contract import API, ArtifactError, Device, EngineInfo, Output, Progress
from backends.tflite import runtimes
from backends.tflite.engine import TFLiteEngine, short

if TYPE_CHECKING:
    from backends.artifact import Artifact

_MOST_THREADS = 4


@dataclass(frozen=True, slots=True)
class Options:
    """threads: at most so many; None: as many as there are cores, up to 4."""

    threads: int | None = None


class LiteRT:
    name = "litert"
    api = API
    options = Options
    open_seconds = 30.0

    def probe(self) -> list[Device]:
        """One device. Raises BackendUnavailable where no runtime works."""
        return [Device("cpu", _cpu(), {"runtime": runtimes.find().text})]

    def accepts(self, artifact: Artifact) -> str | None:
        if artifact.format == "edgetpu":
            return f"{artifact.path.name} is compiled for the Edge TPU and runs nowhere else"
        return (
            None if artifact.format == "tflite" else f"{artifact.path.name} is {artifact.format}; litert reads tflite"
        )

    def load(self, artifact: Artifact, device: Device, options: Options, progress: Progress) -> TFLiteEngine:
        runtime = runtimes.find()
        progress("read", 0.0)
        threads = options.threads or min(_MOST_THREADS, len(os.sched_getaffinity(0)))

        def describe(precision: str, outputs: tuple[Output, ...], notes: tuple[str, ...]) -> EngineInfo:
            return EngineInfo(
                backend=self.name,
                device=device.id,
                version=runtime.text,
                precision=precision,
                streams=1,
                exclusive=False,
                outputs=outputs,
                notes=(f"{threads} threads" if threads > 1 else "1 thread", *notes),
            )

        try:
            return TFLiteEngine(lambda: runtime.open(artifact.path, threads), artifact, describe, dict)
        except (RuntimeError, ValueError) as e:
            raise ArtifactError(f"{artifact.path.name}: {runtime.name} cannot run it: {short(e)}") from e


def _cpu() -> str:
    """The processor's name as Linux has it: "model name" on x86, the board's model on ARM."""
    lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    named = (line.partition(":") for line in lines)
    names = {key.strip().lower(): value.strip() for key, _, value in named if value.strip()}
    return names.get("model name") or names.get("model") or platform.machine()
