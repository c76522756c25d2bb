"""The bare inference loop that `vedette bench` measures the pipeline against: prepared inputs, nothing but the engine.

python -m backends.bare_loop REQUEST.json: {artifact, images (a .npy of (n, height, width, 3) uint8), seconds, threads}.
Prints one JSON line. OpenVINO's own asynchronous queue with as many requests as the runtime wants, in the precision
that the pipeline uses.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from backends.artifact import Artifact
from backends.openvino import OpenVINO, Options


def measure(artifact: Artifact, images: Any, seconds: float, threads: int | None) -> dict[str, Any]:
    """images: uint8 (n, height, width, 3). Returns fps, cpu_ms per frame, streams and precision."""
    import openvino

    backend = OpenVINO()
    engine = backend.load(artifact, backend.probe()[0], Options("throughput", threads), lambda *_: None)
    queue = openvino.AsyncInferQueue(engine.compiled)
    tensors = [openvino.Tensor(image[None], shared_memory=True) for image in images]
    for tensor in tensors[: 2 * len(queue)]:
        queue.start_async(tensor, share_inputs=True)
    queue.wait_all()
    frames, cpu, start = 0, _cpu_seconds(), time.monotonic()
    while time.monotonic() - start < seconds:
        queue.start_async(tensors[frames % len(tensors)], share_inputs=True)
        frames += 1
    queue.wait_all()
    elapsed, cpu = time.monotonic() - start, _cpu_seconds() - cpu
    return {
        "fps": round(frames / elapsed, 1),
        "cpu_ms": round(cpu / frames * 1e3, 3),
        "streams": len(queue),
        "precision": engine.info.precision,
    }


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(argv: list[str]) -> int:
    request = json.loads(Path(argv[0]).read_text())
    images = np.load(request["images"])
    answer = measure(Artifact.from_json(request["artifact"]), images, request["seconds"], request["threads"])
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
