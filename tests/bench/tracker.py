"""The tracker on a sequence with ground truth, and what it costs: `python -m tests.bench.tracker`.

TUD-Stadtmitte of MOTChallenge 2015 with given detections (../shared/data/mot), the daemon's own defaults. Counted is
what was matched in the frame itself, as the challenge does. `--every N` looks at each N-th frame only. Needs
trackeval, which the daemon does not.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from agent.perception.tracker import Tracker
from backends.detections import Detections

MOT = Path(__file__).parents[2].parent / "shared" / "data" / "mot"
SIZE = np.array([640, 480, 640, 480], np.float32)
FPS = 25.0
Rows = dict[int, list[tuple[int, Any]]]
"""By frame: id and xywh in pixels."""


def read(path: Path) -> dict[int, list[list[float]]]:
    frames: dict[int, list[list[float]]] = defaultdict(list)
    for line in path.read_text().splitlines():
        row = [float(cell) for cell in line.split(",")]
        frames[int(row[0])].append(row)
    return frames


def tracked(detections: dict[int, list[list[float]]], frames: list[int]) -> Rows:
    tracker, found = Tracker(count(1)), {}
    for frame in frames:
        rows = np.array([row[2:7] for row in detections.get(frame, [])], np.float32).reshape(-1, 5)
        xyxy = np.hstack([rows[:, :2], rows[:, :2] + rows[:, 2:4]]) / SIZE
        order = np.argsort(-rows[:, 4])
        seen = Detections(xyxy[order], rows[order, 4], np.zeros(len(rows), np.int32))
        tracks = tracker.update(frame / FPS, seen).tracks
        found[frame] = [(track.id, xywh(track.box)) for track in tracks if track is not None]
    return found


def xywh(box: tuple[float, float, float, float]) -> Any:
    x1, y1, x2, y2 = np.array(box) * SIZE
    return np.array([x1, y1, x2 - x1, y2 - y1])


def judged(truth: Rows, found: Rows) -> dict[str, float]:
    """By TrackEval, as MOTChallenge does it; IoU 0.5 for MOTA and IDF1."""
    from trackeval.metrics import CLEAR, HOTA, Identity

    frames = sorted(found)
    numbers = [_numbers(side, frames) for side in (truth, found)]
    data: dict[str, Any] = {"gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    for frame in frames:
        wanted, seen = truth.get(frame, []), found[frame]
        data["gt_ids"].append(np.array([numbers[0][i] for i, _ in wanted], int))
        data["tracker_ids"].append(np.array([numbers[1][i] for i, _ in seen], int))
        data["similarity_scores"].append(iou([b for _, b in wanted], [b for _, b in seen]))
    data["num_timesteps"] = len(frames)
    data["num_gt_ids"], data["num_tracker_ids"] = map(len, numbers)
    data["num_gt_dets"] = sum(map(len, data["gt_ids"]))
    data["num_tracker_dets"] = sum(map(len, data["tracker_ids"]))
    quiet = {"THRESHOLD": 0.5, "PRINT_CONFIG": False}
    clear, identity = CLEAR(quiet).eval_sequence(data), Identity(quiet).eval_sequence(data)
    return {
        "MOTA": 100 * clear["MOTA"],
        "IDF1": 100 * identity["IDF1"],
        "HOTA": 100 * float(np.mean(HOTA().eval_sequence(data)["HOTA"])),
        "switches": clear["IDSW"],
        "fragments": clear["Frag"],
    }


def _numbers(rows: Rows, frames: list[int]) -> dict[int, int]:
    return {i: n for n, i in enumerate(sorted({i for frame in frames for i, _ in rows.get(frame, [])}))}


def iou(a: list[Any], b: list[Any]) -> Any:
    if not a or not b:
        return np.zeros((len(a), len(b)))
    one, other = np.array(a, float), np.array(b, float)
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum((one[:, :2] + one[:, 2:])[:, None], (other[:, :2] + other[:, 2:])[None])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    return shared / (np.prod(one[:, 2:], axis=1)[:, None] + np.prod(other[:, 2:], axis=1) - shared)


def quality(every: int) -> dict[str, float]:
    detections, truth = read(MOT / "TUD-Stadtmitte.det.txt"), read(MOT / "TUD-Stadtmitte.gt.txt")
    frames = sorted(truth)[::every]
    wanted: Rows = {f: [(int(r[1]), np.array(r[2:6])) for r in truth[f] if r[6] != 0] for f in frames}
    found = tracked(detections, frames)
    return judged(wanted, found)


def cost_ms(objects: int, frames: int = 300) -> float:
    """CPU of one look with so many objects on their way, some missed and some weak."""
    random = np.random.default_rng(0)
    at, speed = random.random((objects, 2)), random.normal(0, 0.05, (objects, 2))
    tracker, times = Tracker(count(1)), []
    for frame in range(frames):
        centre = (at + speed * frame / FPS) % 1.0
        xyxy = np.hstack([centre, centre + np.array([0.03, 0.08])]) + random.normal(0, 0.001, (objects, 4))
        rows = np.flatnonzero(random.random(objects) > 0.05)
        confidence = random.uniform(0.3, 0.99, len(rows)).astype(np.float32)
        seen = Detections(xyxy[rows].astype(np.float32), confidence, np.zeros(len(rows), np.int32))
        before = time.process_time()
        tracker.update(frame / FPS, seen)
        times.append(time.process_time() - before)
    return median(times[20:]) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, nargs="*", default=[1, 2, 3, 5])
    for every in parser.parse_args().every:
        try:
            figures = quality(every)
        except ImportError as e:
            print(f"no quality figures ({e}): pip install trackeval")
            break
        except FileNotFoundError as e:
            print(f"no quality figures: {e.filename} is not here")
            break
        print(f"every {every}. frame: " + "  ".join(f"{name} {value:.1f}" for name, value in figures.items()))
    for objects, bar in ((8, 0.6), (100, 2.0)):
        print(f"CPU per look, {objects} objects: {cost_ms(objects):.3f} ms (bar {bar})")


if __name__ == "__main__":
    main()
