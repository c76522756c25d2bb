"""Time of a head for one frame of 10 objects, alone and as a ratio to Ultralytics' post-processing of the same tensor.

    python -m tests.bench.heads [--python /path/to/venv/bin/python]

Without --python only our side is measured. The tensors are made here: ten objects that twelve rows each see, and a
background of scores as a trained network gives them, none of them above the threshold. Both sides get the same file,
the same threshold and the same IoU, in turns, each in a process of its own. A round in which others kept the machine
busy is done again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.artifact import Artifact, InputSpec
from backends.contract import Output
from backends.heads import make_head
from backends.heads.cells import grid
from tests.bench.quiet import QUIET, others

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BAR_MS = 0.3
BAR_RATIO = 10
FLOOR, IOU = 0.25, 0.7
OBJECTS, SEEN_BY, CLASSES = 10, 12, 80
_STRIDES = (8, 16, 32)


def scene(size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes (n, 4) as x1, y1, x2, y2 in pixels and class logits (n, 80) of the n cells of a square input."""
    rng = np.random.default_rng(3)
    points, strides = grid(size, size, _STRIDES, 0.5)
    centres = points * strides
    reach = strides * rng.uniform(1, 6, (len(points), 4)).astype(np.float32)
    logits = rng.normal(-11.0, 1.8, (len(points), CLASSES)).astype(np.float32).clip(-16, -1.5)
    boxes = np.concatenate((centres - reach[:, :2], centres + reach[:, 2:]), axis=1)
    for number in range(OBJECTS):
        half = size * rng.uniform(0.04, 0.1)
        middle = size * np.array([0.1 + 0.2 * (number % 5), 0.25 + 0.5 * (number // 5)])
        near = np.argsort(np.abs(centres - middle).max(axis=1))[:SEEN_BY]
        jitter = rng.normal(0, half / 30, (SEEN_BY, 4))
        boxes[near] = np.concatenate((middle - half, middle + half)) + jitter
        logits[near, rng.integers(CLASSES)] = rng.uniform(-0.5, 2.5, SEEN_BY)
    return boxes.astype(np.float32), logits


def raw(size: int) -> NDArray[np.float32]:
    """(1, 84, n) as Ultralytics exports it: cx, cy, width, height in pixels, and scores."""
    boxes, logits = scene(size)
    middle, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return np.ascontiguousarray(np.concatenate((middle, sides, 1 / (1 + np.exp(-logits))), axis=1).T[None])


def split(size: int) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Edges (1, n, 64) and logits (1, n, 80), with scales of 1/8 and zero points 0; each edge on its nearest bin."""
    boxes, logits = scene(size)
    points, strides = grid(size, size, _STRIDES, 0.5)
    point = np.tile(points * strides, 2)
    bins = np.rint(np.abs(boxes - point) / strides).clip(0, 15).astype(int)
    edges = np.full((len(boxes), 4, 16), -96, np.int8)
    np.put_along_axis(edges, bins[:, :, None], 0, axis=2)
    return edges.reshape(1, -1, 64), np.rint(logits * 8).clip(-128, 127).astype(np.int8)[None]


def cases() -> dict[str, tuple[str, dict[str, Any], list[NDArray[Any]], list[Output], int]]:
    """Name to family, options of the head, tensors, what they are, and the input's side."""
    table: dict[str, tuple[str, dict[str, Any], list[NDArray[Any]], list[Output], int]] = {}
    tensor = raw(640)
    table["yolo float32 (1, 84, 8400)"] = "yolo", {}, [tensor], [Output("o", tensor.shape, "float32")], 640
    for size in (640, 320):
        tensor = raw(size)
        tensor[0, :4] /= size
        stored = np.rint(tensor * 255 - 128).clip(-128, 127).astype(np.int8)
        kind = Output("o", stored.shape, "int8", 1 / 255, -128)
        table[f"yolo int8 {stored.shape}"] = "yolo", {"units": "norm"}, [stored], [kind], size
        pair = split(size)
        kinds = [Output(str(i), part.shape, "int8", 1 / 8) for i, part in enumerate(pair)]
        table[f"yolo-split int8 {pair[0].shape} {pair[1].shape}"] = "yolo-split", {}, list(pair), kinds, size
    return table


def ours(times: int) -> dict[str, dict[str, float]]:
    """p50 and p90 in ms and the boxes found, of each case."""
    figures = {}
    for name, (family, options, tensors, outputs, size) in cases().items():
        spec = InputSpec(size, size, "NHWC", "float32")
        labels = tuple(map(str, range(CLASSES)))
        artifact = Artifact("m", Path("m.onnx"), "onnx", "0" * 64, family, spec, labels, head={"iou": IOU, **options})
        head = make_head(artifact, outputs)
        spans = []
        for _ in range(times):
            start = time.perf_counter()
            found = head.decode(tensors, FLOOR)
            spans.append(1e3 * (time.perf_counter() - start))
        spans = spans[times // 10 :]
        p50, p90 = np.percentile(spans, [50, 90])
        figures[name] = {"p50_ms": round(p50, 4), "p90_ms": round(p90, 4), "boxes": len(found)}
    return figures


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help="an interpreter that has ultralytics")
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    rows = []
    with tempfile.TemporaryDirectory(prefix="vedette-heads-") as folder:
        tensor = Path(folder) / "tensor.npy"
        np.save(tensor, raw(640))
        command = [
            str(options.python), "-W", "ignore", str(Path(__file__).with_name("ultralytics_heads.py")),
            "--tensor", str(tensor), "--times", str(options.times // 4), "--floor", str(FLOOR), "--iou", str(IOU),
        ]  # fmt: skip
        for _ in range(3 * options.rounds):
            with others() as busy:
                row: dict[str, Any] = {"ours": ours(options.times)}
                if options.python:
                    child = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
                    if child.returncode:
                        raise SystemExit(child.stderr[-2000:])
                    row["theirs"] = json.loads(child.stdout.splitlines()[-1])
            rows.append({**row, "others": busy.cores})
            print(json.dumps(rows[-1]), file=sys.stderr)
            if sum(row["others"] <= QUIET for row in rows) >= options.rounds:
                break
    rows = [row for row in rows if row["others"] <= QUIET][: options.rounds] or rows
    first = next(iter(rows[0]["ours"]))
    mine = [row["ours"][first]["p50_ms"] for row in rows]
    result: dict[str, Any] = {
        "p50_ms": {name: round(median(row["ours"][name]["p50_ms"] for row in rows), 4) for name in rows[0]["ours"]},
        "boxes": {name: figures["boxes"] for name, figures in rows[0]["ours"].items()},
        "bar_ms": BAR_MS,
    }
    if options.python:
        result["theirs_p50_ms"] = {
            part: round(median(row["theirs"][part] for row in rows), 3) for part in ("postprocess", "nms")
        }
        result["theirs_boxes"] = rows[0]["theirs"]["boxes"]
        result["ratio"] = {
            part: round(median(row["theirs"][part] / p50 for row, p50 in zip(rows, mine, strict=True)), 1)
            for part in ("postprocess", "nms")
        }
        result["bar_ratio"] = BAR_RATIO
    result["cores_used_by_others"] = [row["others"] for row in rows]
    print(json.dumps(result) if options.json else json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
