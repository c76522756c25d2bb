"""What looking closely finds that the whole picture does not show: people who are small, in pictures that are large.

    python -m tests.bench.regions

Real people walk through a composed picture (tests/support/small_people.py tells how) of 1920x1080 and of 3840x2160, at
4 to 8 % of its height. Two ways with the same model: the whole picture in each frame, and the crops that
the real scene wants around what the real motion watch tells and what its tracker predicts, merged.
Recall: people found with IoU >= 0.5 at confidence 0.5, from the moment they come in; false: boxes with nobody in
them, per frame. `inferences` is per frame, and must be at most 2.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agent.capture.motion import MotionWatch
from agent.dispatch.scaler import Scaler
from agent.perception.crop_merge import merge
from agent.perception.facts import WHOLE, Moment
from agent.perception.scene import Scene
from agent.perception.settings import LabelRule, Settings
from backends.models import store
from backends.models.resolve import open_artifact
from tests.support import small_people
from tests.support.accuracy import iou
from tests.support.direct import Direct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.capture.frame import Picture
    from agent.perception.facts import Box
    from backends.detections import Detections

CLIP = Path(__file__).parents[3] / "shared" / "data" / "videos" / "vtest.avi"
SIZES = ((1920, 1080), (3840, 2160))
SHARES = (0.04, 0.06, 0.08)
EMPTY = 30
"""Frames without anybody, in which the motion watch learns the ground."""


class Eye:
    """The model, through the daemon's own scaler."""

    def __init__(self, model: str) -> None:
        path = store.model_file(model)
        if path is None:
            raise SystemExit(f"no model {model}; vedette models pull {model}")
        self._direct = Direct(open_artifact(path))
        spec = self._direct.artifact.input
        self.input = (spec.width, spec.height)
        self._scaler = Scaler(spec.width, spec.height, spec.resize, spec.pad)
        self._image = np.empty((spec.height, spec.width, 3), np.uint8)
        self.person = self._direct.artifact.labels.index("person")

    def look(self, picture: Picture, box: Box) -> tuple[Box, Detections]:
        placement = self._scaler.scale(picture, 0, self._image, box)
        seen = self._direct.detect(self._image, placement, 0.1)
        return placement.crop, seen[seen.class_id == self.person]

    def surely(self, bgr: NDArray[np.uint8]) -> NDArray[np.float64]:
        """People in a picture of the clip, in pixels."""
        height, width = bgr.shape[:2]
        seen = self.look(small_people.to_picture(bgr), WHOLE)[1]
        return seen.xyxy[seen.confidence >= 0.6].astype(np.float64) * [width, height, width, height]


class Score:
    """confidence: from which a box counts."""

    def __init__(self, confidence: float) -> None:
        self._confidence = confidence
        self.people = self.found = self.wrong = self.frames = self.looks = 0

    def count(self, seen: Detections, truth: NDArray[np.float64], looks: int) -> None:
        boxes = seen.xyxy[seen.confidence >= self._confidence].astype(np.float64)
        overlaps = iou(truth, boxes) if len(boxes) else np.zeros((len(truth), 0))
        self.people += len(truth)
        self.found += int((overlaps >= 0.5).any(axis=1).sum())
        self.wrong += int((overlaps < 0.1).all(axis=0).sum())
        self.frames += 1
        self.looks += looks

    def row(self) -> str:
        recall, wrong, looks = self.found / self.people, self.wrong / self.frames, self.looks / self.frames
        return f"{recall:8.3f}{wrong:8.2f}{looks:8.2f}"


def measure(
    eye: Eye, people: list[small_people.Walker], ground: NDArray[np.uint8], share: float, frames: int, confidence: float
) -> tuple[Score, Score]:
    """The whole picture each time, and regions."""
    height, width = ground.shape[:2]
    watch, scene = MotionWatch(), Scene(Settings({eye.person: LabelRule(confidence)}, regions=True))
    whole, close = Score(confidence), Score(confidence)
    for i, (picture, truth) in enumerate(small_people.composed(people, ground, share, frames + EMPTY, EMPTY)):
        at = Moment(i / small_people.FPS, 0.0, i / small_people.FPS)
        motion = watch.look(picture.y, at.media_time)
        crops = scene.wants(at, motion.boxes, (width, height), eye.input, unsettled=motion.unsettled)
        seen = merge([eye.look(picture, crop) for crop in crops])
        scene.update(at, (width, height), seen)
        if i < EMPTY:
            continue
        close.count(seen, truth, len(crops))
        whole.count(eye.look(picture, WHOLE)[1], truth, 1)
    return whole, close


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="person")
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--confidence", type=float, default=0.5)
    parser.add_argument("--clip", type=Path, default=CLIP)
    arguments = parser.parse_args()
    eye = Eye(arguments.model)
    pictures = small_people.read(arguments.clip, 795)
    people = small_people.walkers(pictures, eye.surely)[: arguments.people]
    if len(people) < arguments.people:
        raise SystemExit(f"only {len(people)} people walk alone for long enough in {arguments.clip}")
    print(f"{'':20}{'whole picture':^24}{'regions':^24}")
    print(f"{'picture':<12}{'height':>8}{'recall':>8}{'false':>8}{'looks':>8}{'recall':>8}{'false':>8}{'looks':>8}")
    for size in SIZES:
        ground = small_people.ground_of(pictures, size)
        for share in SHARES:
            whole, close = measure(eye, people, ground, share, arguments.frames, arguments.confidence)
            print(f"{size[0]}x{size[1]:<7}{share:>8.0%}{whole.row()}{close.row()}", flush=True)


if __name__ == "__main__":
    main()
