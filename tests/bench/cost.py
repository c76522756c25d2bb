"""What a frame costs the host beside decoding and inference: scale, worker hop, head, payload, publish.

The model here does next to nothing and always answers with ten boxes, so that the CPU of the daemon and its worker is
the cost itself, and not the difference of two large numbers. `of_scaling` is that cost relative to scaling alone in the
same run, which tells how fast the machine is. python -m tests.bench.cost [CLIP]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from agent.capture.opening import open_source
from agent.config.model import CameraConfig
from agent.dispatch.scaler import Scaler
from agent.tools.bench import decode_cpu_ms
from agent.tools.demo import CLIP
from agent.tools.testbed import Run
from backends.models import store

BOXES, SIDE = 10, 300
SIDECAR = "family: boxes\nlabels: [thing]\ninput: {height: 300, width: 300, layout: NHWC, dtype: uint8}\n"


def model(folder: Path) -> Path:
    """(1, 10, 6) constant boxes, plus the image's first pixel times zero, so that the input counts."""
    import openvino as ov
    from openvino import opset13 as ops

    image = ops.parameter([1, SIDE, SIDE, 3], np.uint8, name="image")
    pixel = ops.slice(image, [0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1])
    nothing = ops.multiply(ops.convert(pixel, np.float32), np.float32(0))
    rows = np.tile(np.array([[0.1, 0.1, 0.2, 0.4, 0.9, 0]], np.float32), (BOXES, 1))
    rows[:, :4] += np.linspace(0, 0.5, BOXES, dtype=np.float32)[:, None]
    out = ops.add(ops.constant(rows[None]), ops.reshape(nothing, np.array([1, 1, 1]), False))
    path = folder / "ten.xml"
    ov.save_model(ov.Model([ops.result(out)], [image], "ten"), path, compress_to_fp16=False)
    path.with_suffix(".yaml").write_text(SIDECAR)
    return path


def scale_cpu_ms(clip: Path) -> float:
    """CPU of scaling alone, per frame, between the decoding of two."""
    scaler, image = Scaler(SIDE, SIDE, "stretch", 0), np.empty((SIDE, SIDE, 3), np.uint8)
    source = open_source(CameraConfig(id="bench", source=str(clip), kind="file", pace="max", hwaccel="none"), bool)
    frames, spent = 0, 0.0
    for decoded in source.frames():
        before = time.thread_time()
        scaler.scale(decoded.picture, 0, image)
        spent += time.thread_time() - before
        frames += 1
    source.close()
    return 1e3 * spent / frames


def measure(clip: Path, rounds: int, seconds: float, module: str = "agent.cli") -> dict[str, object]:
    """module: whose `run` the daemon is."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = model(Path(folder))
        for _ in range(rounds):
            decode, scale = decode_cpu_ms(clip), scale_cpu_ms(clip)
            engine = {"mode": "latency", "threads": 1}
            with Run(str(path), clip, {"pace": "max", "loop": True}, engine, module) as run:
                found = run.measure(seconds)
            daemon, worker = found["daemon_cpu_ms"], found["worker_cpu_ms"]
            share = (daemon + worker - decode) / scale
            rows.append((daemon, worker, decode, scale, share, found["fps"], found["boxes"]))
    daemon, worker, decode, scale, share, fps, boxes = (median(column) for column in zip(*rows, strict=True))
    return {
        "clip": clip.name,
        "boxes": boxes,
        "fps": fps,
        "daemon_cpu_ms": daemon,
        "worker_cpu_ms": worker,
        "decode_cpu_ms": decode,
        "scale_cpu_ms": round(scale, 3),
        "of_scaling": round(share, 2),
        "host_cpu_ms": round(daemon + worker - decode, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path, nargs="?", help="default: the demo's")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    arguments = parser.parse_args()
    clip = arguments.clip.resolve() if arguments.clip else store.clip(CLIP, lambda *_: None)
    print(json.dumps(measure(clip, arguments.rounds, arguments.seconds), indent=2))


if __name__ == "__main__":
    main()
