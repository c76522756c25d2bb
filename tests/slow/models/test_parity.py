"""Published boxes of real networks are the model's: equal to the engine called directly on the same input tensor."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.models import catalog
from backends.models.resolve import open_artifact
from tests.support.clips import film, write_clip
from tests.support.parity import FRAMES, compare
from tests.support.staged import staged

DATA = Path(__file__).parents[4] / "shared" / "data"

pytestmark = pytest.mark.data


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    source = DATA / "videos" / "vtest.avi"
    if not source.exists():
        pytest.skip("no vtest.avi in shared/data/videos")
    return write_clip(tmp_path / "clip.avi", film(source), frames=FRAMES, codec="mpeg4")


def test_published_boxes_of_yolox_are_those_of_the_engine(tmp_path: Path, clip: Path) -> None:
    source = DATA / "models" / "yolox_nano.onnx"
    if not source.exists():
        pytest.skip(f"no {source.name} in shared/data/models")
    facts = {key: value for key, value in catalog.models()["yolox-nano"].sidecar.items() if key != "sha256"}
    model = staged(str(source), tmp_path / "model", **facts)
    compare(open_artifact(model), model, clip)


def test_published_boxes_of_the_default_model_are_those_of_the_engine(
    tmp_path: Path, clip: Path, person_model: str
) -> None:
    model = staged(person_model, tmp_path / "model")
    compare(open_artifact(model), model, clip)
