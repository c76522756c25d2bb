"""Real people, a real detector that often misses them, and what becomes of them in a scene."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.capture.opening import open_source
from agent.config.model import CameraConfig
from agent.dispatch.scaler import Scaler
from agent.perception.facts import Happening, Moment
from agent.perception.scene import Scene
from agent.perception.settings import LabelRule, Settings
from agent.perception.tracker import LOST_SECONDS
from backends.detections import Detections, Unknown
from backends.models.resolve import open_artifact
from tests.support.direct import Direct
from tests.support.staged import staged

if TYPE_CHECKING:
    from collections.abc import Callable

CLIP = Path(__file__).parents[4] / "shared" / "data" / "videos" / "vtest.avi"
FRAMES, FPS, SIZE = 300, 10.0, (768, 576)

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def people(person_model: str, tmp_path_factory: pytest.TempPathFactory) -> list[Detections]:
    """What the default model sees in half a minute of a street."""
    if not CLIP.exists():
        pytest.skip("no vtest.avi in shared/data/videos")
    import numpy as np

    looker = Direct(open_artifact(staged(person_model, tmp_path_factory.mktemp("person"))))
    spec = looker.artifact.input
    scaler = Scaler(spec.width, spec.height, spec.resize, spec.pad)
    image = np.empty((spec.height, spec.width, 3), np.uint8)
    source = open_source(CameraConfig(id="street", source=str(CLIP), kind="file", pace="max", hwaccel="none"), bool)
    pictures = (decoded.picture for decoded in islice(source.frames(), FRAMES))
    seen = [looker.detect(image, scaler.scale(picture, 0, image), 0.1) for picture in pictures]
    source.close()
    return seen


def told(seen: list[Detections], change: Callable[[int, Detections], Detections | Unknown]) -> list[Happening]:
    scene = Scene(Settings({0: LabelRule(0.5)}))
    found: list[Happening] = []
    for i, detections in enumerate(seen):
        at = Moment(i / FPS, 1e9 + i / FPS, 50 + i / FPS)
        found += scene.update(at, SIZE, change(i, detections)).happenings
    return found


def ends(happenings: list[Happening]) -> list[Happening]:
    return [happening for happening in happenings if happening.kind == "track.ended"]


def test_nobody_ends_within_the_time_of_a_second_look(people: list[Detections]) -> None:
    lives = ends(told(people, lambda _, seen: seen))
    assert len(lives) >= 5
    for end in lives:
        assert end.at - end.track.last_seen >= LOST_SECONDS - 1 / FPS


@pytest.mark.parametrize("lost", [Detections.empty(), Unknown("engine busy")])
def test_frames_that_are_missed_end_no_more_people(people: list[Detections], lost: Detections | Unknown) -> None:
    """Each tenth frame shows nobody, or nobody knows what it shows."""
    plain = told(people, lambda _, seen: seen)
    gaps = told(people, lambda i, seen: lost if i % 10 == 9 else seen)
    assert len(ends(gaps)) <= len(ends(plain)) + 1
