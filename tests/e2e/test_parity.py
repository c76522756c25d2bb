"""Published boxes are the model's: equal to the engine called directly. Real networks: tests/slow/models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backends.models.resolve import open_artifact
from tests.support.clips import scene, write_clip
from tests.support.parity import FRAMES, compare
from tests.support.synthetic import boxes_network

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_published_boxes_of_a_random_network_are_those_of_the_engine(tmp_path: Path, precision: str) -> None:
    model = boxes_network(tmp_path / "model", precision)
    clip = write_clip(tmp_path / "clip.avi", scene(768, 576), frames=FRAMES, codec="mpeg4")
    compare(open_artifact(model), model, clip)
