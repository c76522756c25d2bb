"""What the heads of detection transformers share: one tensor of boxes, one of logits, no suppression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.heads import fit
from backends.heads.roles import stated_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.contract import Output
    from backends.detections import Detections

_NAMES = {
    "pred_boxes": "boxes",
    "boxes": "boxes",
    "dets": "boxes",
    "pred_logits": "scores",
    "logits": "scores",
    "labels": "scores",
    "scores": "scores",
}


def pair(artifact: Artifact, outputs: Sequence[Output]) -> tuple[int, int] | None:
    """The indices of the boxes (1, n, 4) and of the logits (1, n, columns); None where that is not settled.

    By `head.outputs`, else by the names that exporters give, else by shape. Other outputs (masks) do not matter.
    """
    given = stated_once(artifact, outputs)
    named = {_NAMES[output.name]: index for index, output in enumerate(outputs) if output.name in _NAMES}
    flat = [index for index, output in enumerate(outputs) if len(output.shape) == 3 and output.shape[0] in {1, -1}]
    for known in (given, named):
        if len(known) == 1 and len(flat) == 2:
            role, index = next(iter(known.items()))
            known["scores" if role == "boxes" else "boxes"] = flat[1 - flat.index(index)] if index in flat else -1
        if known.keys() >= {"boxes", "scores"} and _match(outputs, known["boxes"], known["scores"]):
            return known["boxes"], known["scores"]
    possible = [(a, b) for a in flat for b in flat if a != b and _match(outputs, a, b)]
    return possible[0] if len(possible) == 1 else None


def _match(outputs: Sequence[Output], boxes: int, scores: int) -> bool:
    if not (0 <= boxes < len(outputs) and 0 <= scores < len(outputs)):
        return False
    first, second = outputs[boxes].shape, outputs[scores].shape
    if len(first) != 3 or len(second) != 3 or first[2] != 4:
        return False
    return len({first[1], second[1]} - {-1}) <= 1


def decoded(
    logits: NDArray[Any],
    boxes: NDArray[Any],
    outputs: tuple[Output, Output],
    numbering: NDArray[np.int32],
    size: NDArray[np.float32],
    floor: float,
) -> Detections:
    """The detections in boxes (n, 4), cx, cy, width, height in 0..1, and logits (n, columns).

    A row may give several classes. outputs: what `logits` and `boxes` are stored as. numbering: the class_id of each
    column, -1 for none.
    """
    columns = logits.shape[1]
    hits = np.flatnonzero(logits >= fit.gate(fit.logit(floor), outputs[0]))
    hits = hits[numbering[hits % columns] >= 0]
    hits = fit.strongest(hits, logits.reshape(-1)[hits])
    confidence = fit.sigmoid(fit.real(logits.reshape(-1)[hits], outputs[0]))
    corners = fit.centres_to_corners(fit.real(boxes[hits // columns], outputs[1])) * size
    return fit.ranked(corners, confidence, numbering[hits % columns])
