"""What a daemon publishes of a clip, held against the engine called directly on the same input tensor."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import numpy as np

from agent.tools.testbed import Run
from tests.support.accuracy import iou
from tests.support.direct import Direct, as_the_daemon

if TYPE_CHECKING:
    from pathlib import Path

    from backends.artifact import Artifact

FRAMES = 24
FLOOR, THRESHOLD = 0.1, 0.3
ROUNDING = 0.005


def published(model: Path, clip: Path) -> dict[int, list[dict[str, object]]]:
    with Run(str(model), clip, {"pace": "max", "confidence": THRESHOLD}) as run:
        assert run.daemon.wait(60) == 0
        deadline = time.monotonic() + 5
        while len(run.messages) < FRAMES and time.monotonic() < deadline:
            time.sleep(0.05)
        bodies = [json.loads(message.payload) for message in run.messages]
    return {body["frame"]["index"]: body["detections"] for body in bodies if body["inferred"]}


def compare(artifact: Artifact, model: Path, clip: Path) -> None:
    shown = published(model, clip)
    assert sorted(shown) == list(range(FRAMES))
    engine = Direct(artifact)
    compared = 0
    for index, (image, placement) in enumerate(as_the_daemon(clip, artifact)):
        seen = engine.detect(image, placement, FLOOR)
        labels = [artifact.labels[class_id] for class_id in seen.class_id]
        boxes = np.array([found["box"] for found in shown[index]], float).reshape(-1, 4)
        overlap = iou(boxes, seen.xyxy.astype(float))
        for found, row in zip(shown[index], overlap, strict=True):
            same = [
                i
                for i in np.flatnonzero(row >= 0.99)
                if labels[i] == found["label"] and abs(seen.confidence[i] - found["confidence"]) <= ROUNDING
            ]
            assert same, (index, found)
        # Those at the very threshold may fall on either side of it.
        assert (seen.confidence >= THRESHOLD + ROUNDING).sum() <= len(boxes)
        assert (seen.confidence >= THRESHOLD - ROUNDING).sum() >= len(boxes)
        compared += len(boxes)
    assert compared >= FRAMES, "the clip shows too little to compare"
