"""Person AP50 of what the daemon publishes, on the annotated frames of PETS S2L1 (12 frames, 56 boxes).

    python -m tests.bench.accuracy [--model person --model yolox-nano] [--json]

Beside it the same engine in the same precision, fed through full-size BGR and cv2.resize. The frames are few: the
bootstrap over frames says how far a figure, and a difference of two, moves when other frames had been annotated.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.tools.testbed import Run
from backends.models import catalog
from backends.models.resolve import open_artifact
from tests.support.accuracy import ap50, read_mot
from tests.support.direct import Direct, through_bgr
from tests.support.staged import staged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.support.accuracy import Boxes

    Found = Mapping[int, tuple[Boxes, np.ndarray]]

DATA = Path(__file__).parents[3] / "shared" / "data"
CLIP = DATA / "videos" / "vtest.avi"
TRUTH = DATA / "mot" / "PETS09-S2L1.gt-subset.txt"
SIZE = np.array([768, 576, 768, 576])
FLOOR = 0.05
RESAMPLES = 400
PERSON = "person"


def published(model: Path) -> tuple[Found, str | None]:
    """By frame from 1: pixel boxes and confidence of the persons the daemon published, and the engine's precision."""
    with Run(str(model), CLIP.resolve(), {"pace": "max", "confidence": FLOOR, "labels": [PERSON]}) as run:
        precision = None
        while precision is None and run.daemon.poll() is None:  # the status file is written once a second
            time.sleep(0.3)
            precision = next(iter(run.status()["engines"].values())).get("precision")
        run.daemon.wait(120)
        time.sleep(0.5)
        messages = [json.loads(message.payload) for message in run.messages]
    found = {}
    for body in messages:
        if body["inferred"]:
            boxes = np.array([seen["box"] for seen in body["detections"]], float).reshape(-1, 4) * SIZE
            scores = np.array([seen["confidence"] for seen in body["detections"]], float)
            found[body["frame"]["index"] + 1] = (boxes, scores)
    return found, precision


def direct(model: Path, frames: Iterable[int]) -> Found:
    """The same from the engine called here, through full-size BGR."""
    artifact = open_artifact(model)
    engine, wanted = Direct(artifact), set(frames)
    person = artifact.labels.index(PERSON)
    found = {}
    for number, (image, placement) in enumerate(through_bgr(CLIP, artifact), 1):
        if number in wanted:
            seen = engine.detect(image, placement, FLOOR)
            ours = seen.class_id == person
            found[number] = (seen.xyxy[ours].astype(float) * SIZE, seen.confidence[ours].astype(float))
    return found


def bootstrap(truth: Any, one: Found, other: Found) -> dict[str, Any]:
    """Standard deviation of AP50 of `one`, and of (one - other) with its 95 % interval, over resampled frames."""
    frames, random = list(truth), np.random.default_rng(0)
    rows = []
    for _ in range(RESAMPLES):
        pick = random.choice(frames, len(frames))
        again = dict(enumerate(truth[frame] for frame in pick))
        rows.append([ap50(again, dict(enumerate(found[frame] for frame in pick))) for found in (one, other)])
    values = np.array(rows)
    difference = values[:, 0] - values[:, 1]
    return {
        "ap_sd": round(float(values[:, 0].std()), 1),
        "difference_sd": round(float(difference.std()), 2),
        "difference_95": [round(float(edge), 2) for edge in np.percentile(difference, (2.5, 97.5))],
    }


def score(model: str, folder: Path) -> dict[str, Any]:
    truth = read_mot(TRUTH)
    given, facts = model, {}
    if model == "yolox-nano":
        given = str(DATA / "models" / "yolox_nano.onnx")
        facts = {key: value for key, value in catalog.models()[model].sidecar.items() if key != "sha256"}
    found: dict[str, Any] = {}
    result: dict[str, Any] = {}
    for precision in ("f32", "bf16"):
        path = staged(given, folder / model / precision, **{**facts, "precision": precision})
        messages, used = published(path)
        lacking = sorted(set(truth) - set(messages))
        if lacking:
            raise SystemExit(f"{model} {precision}: nothing was published of frames {lacking}")
        found[precision] = {frame: messages[frame] for frame in truth}
        bgr = direct(path, truth)
        ours, theirs = ap50(truth, found[precision]), ap50(truth, bgr)
        result[precision] = {
            "used": used,
            "frames": len(messages),
            "published": round(ours, 2),
            "through_bgr": round(theirs, 2),
            "preprocessing": round(ours - theirs, 2),
            "noise": bootstrap(truth, found[precision], bgr),
        }
    result["bf16_minus_f32"] = {
        "points": round(result["bf16"]["published"] - result["f32"]["published"], 2),
        "noise": bootstrap(truth, found["bf16"], found["f32"]),
    }
    return result


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="person (pulled), yolox-nano (of the shared data), or a path")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    if not TRUTH.exists():
        sys.stderr.write(f"SKIPPED accuracy: no {TRUTH.name} in shared/data\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="vedette-accuracy-") as folder:
        results = {name: score(name, Path(folder)) for name in options.model or ("person", "yolox-nano")}
    print(json.dumps(results, indent=None if options.json else 1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
