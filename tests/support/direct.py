"""The model called directly, without the daemon: what published boxes are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from agent.capture.opening import open_source
from agent.config.model import CameraConfig
from agent.dispatch.letterbox import Placement, place
from agent.dispatch.scaler import Scaler
from backends.detections import Detections
from backends.heads import make_head
from backends.openvino import OpenVINO, Options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from backends.artifact import Artifact


class Direct:
    """One engine in this process, and its head."""

    def __init__(self, artifact: Artifact) -> None:
        backend = OpenVINO()
        self.artifact = artifact
        self._engine = backend.load(artifact, backend.probe()[0], Options("latency"), lambda *_: None)
        self._head = make_head(artifact, self._engine.info.outputs)

    @property
    def precision(self) -> str:
        return self._engine.info.precision

    def detect(self, image: NDArray[np.uint8], placement: Placement, floor: float) -> Detections:
        """Boxes in 0..1 of the picture."""
        found = self._head.decode(self._engine.run(image), floor)
        return Detections(placement.to_picture(found.xyxy), found.confidence, found.class_id)


def as_the_daemon(clip: Path, artifact: Artifact) -> Iterator[tuple[NDArray[np.uint8], Placement]]:
    """Each frame of the clip as the daemon's own capture and scaler make it."""
    spec = artifact.input
    scaler = Scaler(spec.width, spec.height, spec.resize, spec.pad)
    source = open_source(CameraConfig(id="direct", source=str(clip), kind="file", pace="max", hwaccel="none"), bool)
    for decoded in source.frames():
        image = np.empty((spec.height, spec.width, 3), np.uint8)
        yield image, scaler.scale(decoded.picture, 0, image)
    source.close()


def through_bgr(clip: Path, artifact: Artifact) -> Iterator[tuple[NDArray[np.uint8], Placement]]:
    """Each frame the usual way: OpenCV decodes to BGR of full size, cv2.resize, RGB."""
    spec = artifact.input
    capture: Any = cv2.VideoCapture(str(clip))
    while (read := capture.read())[0]:
        height, width = read[1].shape[:2]
        at = place(width, height, spec.width, spec.height, spec.resize)
        image = np.full((spec.height, spec.width, 3), spec.pad, np.uint8)
        small = cv2.resize(read[1], (at.width, at.height), interpolation=cv2.INTER_LINEAR)
        image[at.top : at.top + at.height, at.left : at.left + at.width] = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
        yield image, at
    capture.release()
