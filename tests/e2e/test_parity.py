"""Published boxes are the model's: equal to the engine called directly on the same input tensor."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.tools.testbed import Run
from backends.models import catalog, store
from backends.models.resolve import open_artifact
from tests.support.accuracy import iou
from tests.support.clips import film, scene, write_clip
from tests.support.direct import Direct, as_the_daemon
from tests.support.staged import staged
from tests.support.synthetic import boxes_network

if TYPE_CHECKING:
    from backends.artifact import Artifact

DATA = Path(__file__).parents[3] / "shared" / "data"
FRAMES = 24
FLOOR, THRESHOLD = 0.1, 0.3
ROUNDING = 0.005


def _clip(folder: Path) -> Path:
    source = DATA / "videos" / "vtest.avi"
    pictures = film(source) if source.exists() else scene(768, 576)
    return write_clip(folder / "clip.avi", pictures, frames=FRAMES, codec="mpeg4")


def _published(model: Path, clip: Path) -> dict[int, list[dict[str, object]]]:
    with Run(str(model), clip, {"pace": "max", "confidence": THRESHOLD}) as run:
        assert run.daemon.wait(60) == 0
        deadline = time.monotonic() + 5
        while len(run.messages) < FRAMES and time.monotonic() < deadline:
            time.sleep(0.05)
        bodies = [json.loads(message.payload) for message in run.messages]
    return {body["frame"]["index"]: body["detections"] for body in bodies if body["inferred"]}


def _compare(artifact: Artifact, model: Path, clip: Path) -> None:
    published = _published(model, clip)
    assert sorted(published) == list(range(FRAMES))
    engine = Direct(artifact)
    compared = 0
    for index, (image, placement) in enumerate(as_the_daemon(clip, artifact)):
        seen = engine.detect(image, placement, FLOOR)
        labels = [artifact.labels[class_id] for class_id in seen.class_id]
        boxes = np.array([found["box"] for found in published[index]], float).reshape(-1, 4)
        overlap = iou(boxes, seen.xyxy.astype(float))
        for found, row in zip(published[index], overlap, strict=True):
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


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_published_boxes_of_a_random_network_are_those_of_the_engine(tmp_path: Path, precision: str) -> None:
    model = boxes_network(tmp_path / "model", precision)
    _compare(open_artifact(model), model, _clip(tmp_path))


@pytest.mark.data
def test_published_boxes_of_yolox_are_those_of_the_engine(tmp_path: Path) -> None:
    source = DATA / "models" / "yolox_nano.onnx"
    if not source.exists():
        pytest.skip(f"no {source.name} in shared/data/models")
    facts = {key: value for key, value in catalog.models()["yolox-nano"].sidecar.items() if key != "sha256"}
    model = staged(str(source), tmp_path / "model", **facts)
    _compare(open_artifact(model), model, _clip(tmp_path))


@pytest.mark.data
def test_published_boxes_of_the_default_model_are_those_of_the_engine(tmp_path: Path) -> None:
    if not store.installed("person"):
        pytest.skip("the model is not there (vedette models pull person)")
    if not (DATA / "videos" / "vtest.avi").exists():
        pytest.skip("no vtest.avi in shared/data/videos")
    model = staged("person", tmp_path / "model")
    _compare(open_artifact(model), model, _clip(tmp_path))
