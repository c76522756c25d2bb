"""What every head shares: choosing its tensor, reading quantised numbers, the last steps to `Detections`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.contract import ArtifactError, Output
from backends.detections import Detections
from backends.heads.nms import nms
from backends.protocol import MAX_DETECTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact

MAX_CANDIDATES = 2048
_FARTHEST = np.float32(1e6)
_CORNERS = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]], np.float32)
"""By a product, in a fifth of the time that the sums and differences take one by one. The other terms are zero."""
quiet = np.errstate(over="ignore", invalid="ignore")
"""Decorates `decode`: broken numbers of a model are left out at its end, so that on the way they need no warning."""


def misfit(artifact: Artifact, expected: str, outputs: Sequence[Output]) -> ArtifactError:
    """The error for tensors that do not fit the family: what is needed, what is there, the fix."""
    found = [f"{output.name} {shape(output)} {output.dtype}" for output in outputs]
    return ArtifactError(
        f"{artifact.path}: family {artifact.family!r} with {len(artifact.labels)} labels needs "
        f"{expected}; the model has {', '.join(found) or 'no output'}. "
        f"Correct `family`, `labels` or `head` in {artifact.path.with_suffix('.yaml')}"
    )


def shape(output: Output) -> str:
    return "(" + ", ".join("?" if size < 0 else str(size) for size in output.shape) + ")"


def only(artifact: Artifact, expected: str, outputs: Sequence[Output], fits: Callable[[tuple[int, ...]], bool]) -> int:
    """The index of the one output that fits. Raises ArtifactError when there is none, or more than one."""
    found = [index for index, output in enumerate(outputs) if fits(output.shape)]
    if len(found) != 1:
        raise misfit(artifact, expected, outputs)
    return found[0]


def sized(artifact: Artifact, units: str) -> NDArray[np.float32]:
    """What x1, y1, x2, y2 are multiplied by to be pixels of the input. units: "px" or "norm"."""
    spec = artifact.input
    return np.array((spec.width, spec.height) * 2 if units == "norm" else (1,) * 4, np.float32)


def real(stored: NDArray[Any], output: Output) -> NDArray[np.float32]:
    """The real numbers behind a (part of a) tensor: (q - zero_point) * scale where it is quantised."""
    numbers = stored.astype(np.float32)
    if output.scale:
        numbers -= np.float32(output.zero_point)
        numbers *= np.float32(output.scale)
    return numbers


def gate(floor: float, output: Output) -> float:
    """`floor` as the number the tensor stores, so that a quantised tensor is compared as it is."""
    if not output.scale:
        return floor
    number = floor / output.scale + output.zero_point - 1e-6
    return math.ceil(number) if math.isfinite(number) else number


def logit(floor: float) -> float:
    """The number whose sigmoid is `floor`."""
    if 0.0 < floor < 1.0:
        return math.log(floor / (1.0 - floor))
    return math.inf if floor > 0.0 else -math.inf


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    confidence: NDArray[np.float32] = np.float32(1.0) / (np.float32(1.0) + np.exp(-logits))
    return confidence


def best(scores: NDArray[Any]) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Of each row of (n, classes) its class and that score; NaN is less than any number."""
    rows, class_id = np.arange(len(scores)), scores.argmax(axis=1)
    found = scores[rows, class_id]
    if scores.dtype.kind == "f" and np.isnan(found).any():  # to argmax, NaN is the greatest
        scores = np.where(np.isnan(scores), -np.inf, scores)
        class_id = scores.argmax(axis=1)
        found = scores[rows, class_id]
    return class_id.astype(np.int32), found


def rows_above(scores: NDArray[Any], least: float) -> NDArray[np.intp]:
    """The rows of (n, classes) that have a score >= least.

    One comparison of the whole table, then only its few hits: a maximum along short rows is ten times slower.
    """
    rows: NDArray[np.intp] = _hits(scores >= least) // scores.shape[1]
    first = np.ones(len(rows), bool)
    first[1:] = rows[1:] != rows[:-1]
    return rows[first]


def _hits(above: NDArray[np.bool_]) -> NDArray[np.intp]:
    """As `np.flatnonzero`, for large tables with few hits: first where in any eighth there is one, then in which."""
    if above.size % 8:
        return np.flatnonzero(above)
    eighths = above.reshape(8, -1)
    places = np.flatnonzero(np.logical_or.reduce(eighths, axis=0))
    eighth, hit = eighths[:, places].nonzero()
    found: NDArray[np.intp] = eighth * eighths.shape[1] + places[hit]
    return found


def columns_above(scores: NDArray[Any], least: float) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[Any]]:
    """The columns of (classes, n) that have a score >= least, and of each its class and that score.

    The maximum along whole rows runs at the speed of memory, faster than that along columns; then only the classes
    are looked at of which there is something, where those are few.
    """
    if not scores.size:
        return _no_columns(scores)
    highest = np.maximum.reduce(scores, axis=1)
    top = highest.max()
    if top < least:
        return _no_columns(scores)
    if np.isnan(top):  # the greatest, to maximum
        return columns_above(np.where(np.isnan(scores), -np.inf, scores), least)
    present = np.flatnonzero(highest >= least)
    if 2 * len(present) < len(scores):
        scores = scores.take(present, axis=0)
    else:
        present = np.arange(len(scores))
    picked = np.flatnonzero(np.maximum.reduce(scores, axis=0) >= least)
    scores = scores.take(picked, axis=1)
    class_id = scores.argmax(axis=0)
    return picked, present[class_id].astype(np.int32), scores[class_id, np.arange(len(picked))]


def _no_columns(scores: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[Any]]:
    return np.empty(0, np.intp), np.empty(0, np.int32), np.empty(0, scores.dtype)


def strongest(picked: NDArray[np.intp], stored: NDArray[Any]) -> NDArray[np.intp]:
    """`picked`, cut to the MAX_CANDIDATES of highest score. stored: one score per row of `picked`."""
    if picked.size <= MAX_CANDIDATES:
        return picked
    return picked[np.argpartition(stored, picked.size - MAX_CANDIDATES)[-MAX_CANDIDATES:]]


def centres_to_corners(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 4) cx, cy, width, height to x1, y1, x2, y2. A row in which one number is broken has four such."""
    corners: NDArray[np.float32] = boxes @ _CORNERS
    return corners


def ranked(xyxy: NDArray[np.float32], confidence: NDArray[np.float32], class_id: NDArray[np.int32]) -> Detections:
    """Detections, best first, at most MAX_DETECTIONS; rows that are no boxes are left out."""
    xyxy, confidence, class_id = _usable(xyxy, confidence, class_id)
    order = np.argsort(-confidence, kind="stable")[:MAX_DETECTIONS]
    return Detections(xyxy[order], np.minimum(confidence[order], np.float32(1.0)), class_id[order])


def apart(
    xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    class_id: NDArray[np.int32],
    iou: float,
    class_agnostic: bool,
) -> Detections:
    """As `ranked`, after non-maximum suppression."""
    if not len(xyxy):
        return Detections.empty()
    xyxy, confidence, class_id = _usable(xyxy, confidence, class_id)
    keep = nms(xyxy, confidence, class_id, iou, MAX_DETECTIONS, class_agnostic=class_agnostic)
    return Detections(xyxy[keep], np.minimum(confidence[keep], np.float32(1.0)), class_id[keep])


def _usable(
    xyxy: NDArray[np.float32], confidence: NDArray[np.float32], class_id: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
    # Catches NaN and infinity too; areas of what is left are positive and cannot overflow.
    if (np.abs(xyxy) < _FARTHEST).all() and (xyxy[:, :2] <= xyxy[:, 2:]).all():
        return xyxy, confidence, class_id
    usable = (np.abs(xyxy) < _FARTHEST).all(axis=1) & (xyxy[:, 0] <= xyxy[:, 2]) & (xyxy[:, 1] <= xyxy[:, 3])
    return xyxy[usable], confidence[usable], class_id[usable]
