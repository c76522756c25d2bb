"""Runs two models on the same pictures, each on the engine that `auto` takes for it, and compares what they see."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from agent.capture.pyav import decode_image
from agent.tools.comparison import agreement
from agent.tools.comparison.agreement import Pair
from agent.tools.modelrun import running
from backends.contract import BackendError
from backends.models import twins

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from backends.artifact import Artifact
    from backends.contract import Progress
    from backends.detections import Detections


class OtherLabels(BackendError):
    """Two models that name different things cannot be compared."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two models, and how it ran: p50_ms of one picture in the engine and its head, nothing else running."""

    name: str
    file: str
    backend: str
    device: str
    precision: str
    p50_ms: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """agrees: whether B may stand in for A. notes: why not, or what is to be known of the answer.

    unreadable: names of files that could not be decoded.
    """

    a: Side
    b: Side
    pictures: int
    unreadable: tuple[str, ...]
    labels: Mapping[str, Pair]
    confidence: float
    at_least: float
    agrees: bool
    notes: tuple[str, ...]

    @property
    def total(self) -> Pair:
        return sum(self.labels.values(), Pair())

    def to_json(self) -> dict[str, Any]:
        def pair(value: Pair) -> dict[str, Any]:
            return {"a_in_b": value.there.to_json(), "b_in_a": value.back.to_json()}

        return {
            "agrees": self.agrees,
            "notes": list(self.notes),
            "at_least": self.at_least,
            "confidence": self.confidence,
            "pictures": self.pictures,
            "unreadable": list(self.unreadable),
            "a": asdict(self.a),
            "b": asdict(self.b),
            "all": pair(self.total),
            "labels": {label: pair(value) for label, value in self.labels.items()},
        }


def compare(
    a: Artifact,
    b: Artifact,
    paths: Sequence[Path],
    shown: Callable[[str], AbstractContextManager[Progress]],
    confidence: float = agreement.CONFIDENCE,
    at_least: float = agreement.AT_LEAST,
) -> Comparison:
    """shown: called with what is done; gives the progress to tell meanwhile.

    Raises OtherLabels, BackendUnavailable where no engine here runs one of the two, and EngineError.
    """
    if different := twins.difference(a.labels, b.labels):
        raise OtherLabels(f"{b.path} cannot be compared with {a.path}: {different}")
    sides, seen = [], []
    for artifact in (a, b):
        with shown(artifact.path.name) as progress:
            side, found = _run(artifact, paths, confidence, progress)
        sides.append(side)
        seen.append(found)
    labels: dict[str, Pair] = {}
    both = seen[0].keys() & seen[1].keys()
    for path in sorted(both):
        for class_id, pair in agreement.compared(seen[0][path], seen[1][path], confidence).items():
            label = a.labels[class_id]
            labels[label] = labels.get(label, Pair()) + pair
    labels = dict(sorted(labels.items(), key=lambda item: -item[1].there.boxes))
    agrees, notes = agreement.verdict(labels, at_least)
    unreadable = tuple(path.name for path in paths if path not in both)
    if not both:
        agrees, notes = False, [f"unknown: none of the {len(paths)} pictures can be decoded"]
    elif unreadable:
        notes = [*notes, f"{len(unreadable)} of {len(paths)} pictures cannot be decoded: {', '.join(unreadable[:5])}"]
    return Comparison(sides[0], sides[1], len(both), unreadable, labels, confidence, at_least, agrees, tuple(notes))


def _run(
    artifact: Artifact, paths: Sequence[Path], confidence: float, progress: Progress
) -> tuple[Side, dict[Path, Detections]]:
    found: dict[Path, Detections] = {}
    times = []
    with running(artifact, progress) as model:
        for number, path in enumerate(paths):
            picture = decode_image(path)
            if picture is None:
                continue
            if not found:
                model.look(picture, confidence)  # warm
            found[path], milliseconds = model.look(picture, agreement.floor(confidence))
            times.append(milliseconds)
            progress("look", (number + 1) / len(paths))
        p50 = round(statistics.median(times), 2) if times else 0.0
        side = Side(artifact.name, str(artifact.path), model.backend, model.device, model.precision, p50)
    return side, found
