"""A scene's tracker run over a clip with and without the gate, on identical detections, and what the gate costs."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from agent.capture.motion import MotionWatch
from agent.capture.opening import open_source
from agent.config.model import CameraConfig
from agent.dispatch.scaler import Scaler
from agent.perception.gate import Gate
from agent.perception.tracker import Tracker
from backends.detections import Detections

if TYPE_CHECKING:
    from pathlib import Path

    from agent.capture.frame import Motion
    from tests.support.direct import Direct

FLOOR = 0.1
CONFIRMED, HITS = 0.5, 3
"""As events are: the median confidence of a track's history, and how often it was seen."""
SAME = 0.3
"""IoU from which on two tracks are at the same place."""


@dataclass(frozen=True)
class Moving:
    """A clip as perception gets it: per frame its media time, what moved, and what the model sees in it."""

    times: list[float]
    motion: list[Motion]
    seen: list[Detections]


@dataclass
class Trace:
    """Of one run: looks, and by frame the box and class of each track that was live then, by id."""

    looks: list[bool] = field(default_factory=list)
    boxes: list[dict[int, np.ndarray]] = field(default_factory=list)
    fresh: list[set[int]] = field(default_factory=list)
    """Those seen in that very frame."""
    classes: dict[int, int] = field(default_factory=dict)
    confidences: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    def confirmed(self) -> set[int]:
        return {i for i, all_ in self.confidences.items() if len(all_) >= HITS and median(all_) >= CONFIRMED}


def read(clip: Path, engine: Direct, classes: set[int] | None, cache: Path) -> Moving:
    """Decodes the clip once; detections are kept in `cache`. classes: which to keep, None for all."""
    spec = engine.artifact.input
    scaler, image = (
        Scaler(spec.width, spec.height, spec.resize, spec.pad),
        np.empty((spec.height, spec.width, 3), np.uint8),
    )
    watch, found, known = MotionWatch(), Moving([], [], []), cache.exists()
    source = open_source(CameraConfig(id="gate", source=str(clip), kind="file", pace="max", hwaccel="none"), bool)
    for n, decoded in enumerate(source.frames()):
        time = n / source.info.fps
        found.times.append(time)
        found.motion.append(watch.look(decoded.picture.y, time))
        if not known:
            found.seen.append(engine.detect(image, scaler.scale(decoded.picture, 0, image), FLOOR))
    source.close()
    if known:
        stored = np.load(cache)
        rows = [np.flatnonzero(stored["frame"] == n) for n in range(len(found.times))]
        found.seen.extend(Detections(stored["xyxy"][r], stored["confidence"][r], stored["class_id"][r]) for r in rows)
    else:
        frame = np.repeat(np.arange(len(found.seen)), [len(seen) for seen in found.seen])
        columns = {name: np.concatenate([getattr(s, name) for s in found.seen]) for name in Detections.__slots__}
        np.savez(cache, frame=frame, **columns)
    if classes is not None:
        found.seen[:] = [seen[np.isin(seen.class_id, list(classes))] for seen in found.seen]
    return found


def follow(clip: Moving, *, gated: bool) -> Trace:
    tracker, gate, trace = Tracker(itertools.count(1)), Gate(), Trace()
    for time, motion, seen in zip(clip.times, clip.motion, clip.seen, strict=True):
        look = not gated or gate.wants(
            time, motion.boxes, tracker.tracks, tracker.predicted(time), unsettled=motion.unsettled
        )
        trace.looks.append(look)
        if look:
            tracker.update(time, seen)
            gate.looked(time, tracker.tracks, tentative=tracker.tentative)
        fresh = {track.id for track in tracker.tracks if track.last_time == time}
        trace.fresh.append(fresh)
        boxes = {}
        for track, predicted in zip(tracker.tracks, tracker.predicted(time), strict=True):
            boxes[track.id] = np.asarray(track.box if track.id in fresh else predicted, float)
            trace.classes[track.id] = track.class_id
            if track.id in fresh:
                trace.confidences[track.id].append(track.confidence)
        trace.boxes.append(boxes)
    return trace


def kept(clip: Moving, without: Trace, with_gate: Trace, *, confirmed: bool = False) -> tuple[float, float]:
    """Track-seconds found without the gate, and how many of them are found with it.

    A confirmed track's frame counts when it was seen in it. It is found again where a live track of its class is at
    the same place in the gated run: seen there in this frame, or believed to be. confirmed: that one must be, too.
    """
    mine, theirs = without.confirmed(), with_gate.confirmed() if confirmed else set(with_gate.classes)
    steps = np.diff([*clip.times, clip.times[-1]])
    total = found = 0.0
    for n, step in enumerate(steps):
        wanted = [i for i in without.fresh[n] if i in mine]
        have = [i for i in with_gate.boxes[n] if i in theirs]
        total += step * len(wanted)
        for i in wanted:
            rivals = (with_gate.boxes[n][j] for j in have if without.classes[i] == with_gate.classes[j])
            found += step * any(_iou(without.boxes[n][i], box) >= SAME for box in rivals)
    return total, found


def _iou(one: np.ndarray, other: np.ndarray) -> float:
    inner = np.prod(np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None))
    outer = np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - inner
    return float(inner / outer) if outer > 0 else 0.0
