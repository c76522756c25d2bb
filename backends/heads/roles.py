"""Which of an SSD's four tensors is which. Never by looking at values: only by name, shape and order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.contract import ArtifactError, Output
from backends.heads.fit import misfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backends.artifact import Artifact

ROLES = ("boxes", "classes", "scores", "count")
_EXPECTED = (
    "boxes (1, n, 4), classes (1, n), scores (1, n) and a count (1,) in a known order, "
    "or told apart by head: {outputs: {scores: 2, classes: 1}}"
)
_NAMES = {
    "detection_boxes": "boxes",
    "detection_classes": "classes",
    "detection_scores": "scores",
    "num_detections": "count",
    "TFLite_Detection_PostProcess": "boxes",
    "TFLite_Detection_PostProcess:1": "classes",
    "TFLite_Detection_PostProcess:2": "scores",
    "TFLite_Detection_PostProcess:3": "count",
}
# TFLite_Detection_PostProcess as TF1 writes it (the outputs of a TF graph, sorted by name, have the same
# order), as TF2 writes it, and as the signature of EfficientDet-Lite lists it.
_ORDERS = (
    ("boxes", "classes", "scores", "count"),
    ("scores", "boxes", "count", "classes"),
    ("count", "scores", "classes", "boxes"),
)


def roles(artifact: Artifact, outputs: Sequence[Output]) -> dict[str, int]:
    """Role to index: boxes, classes, scores, and count where there is one.

    By `head.outputs`, else by the names TensorFlow gives, else by shape (rank 3 is boxes, one number is the
    count) together with the three known orders. Raises ArtifactError when that does not settle it.
    """
    found = _stated(artifact, outputs) or _named(outputs) or _ordered(outputs)
    if found is None or not _shaped(found, outputs):
        raise misfit(artifact, _EXPECTED, outputs)
    return found


def stated(artifact: Artifact, outputs: Sequence[Output]) -> dict[str, tuple[int, ...]]:
    """Role to indices, as `head.outputs` gives them by index or name, one or a list; none of them in two roles.

    Raises ArtifactError. A name counts with and without TensorFlow's ":0", which not every engine keeps.
    """
    names = [output.name for output in outputs]
    found: dict[str, tuple[int, ...]] = {}
    for role, where in (artifact.head.get("outputs") or {}).items():
        places = [_place(one, names) for one in (where if isinstance(where, list) else [where])]
        if not all(0 <= place < len(names) for place in places):
            raise ArtifactError(
                f"{artifact.path}: head.outputs.{role} is {where!r}; the model's outputs are "
                + ", ".join(f"{index}: {name}" for index, name in enumerate(names))
            )
        taken = next((other for other in found if not set(places).isdisjoint(found[other])), None)
        if taken:
            raise ArtifactError(f"{artifact.path}: head.outputs.{role} is {where!r}, which is {taken} already")
        found[role] = tuple(places)
    return found


def stated_once(artifact: Artifact, outputs: Sequence[Output]) -> dict[str, int]:
    """As `stated`, where a role is one output. Raises ArtifactError for a list of several, too."""
    found = stated(artifact, outputs)
    for role, places in found.items():
        if len(places) != 1:
            raise ArtifactError(
                f"{artifact.path}: head.outputs.{role} is a list of {len(places)}; "
                f"family {artifact.family!r} has one output for it"
            )
    return {role: place for role, (place,) in found.items()}


def _place(one: int | str, names: Sequence[str]) -> int:
    """The index of that output; -1 where there is no such name, or where it may be one of several."""
    if isinstance(one, int):
        return one
    if one in names:
        return names.index(one)
    stems = [name.partition(":")[0] for name in names]
    stem = one.partition(":")[0]
    return stems.index(stem) if stems.count(stem) == 1 else -1


def _stated(artifact: Artifact, outputs: Sequence[Output]) -> dict[str, int] | None:
    found = stated_once(artifact, outputs)
    if not found:
        return None
    for index, output in enumerate(outputs):
        if index not in found.values() and len(output.shape) != 2:
            found.setdefault("boxes" if len(output.shape) == 3 else "count", index)
    return found


def _named(outputs: Sequence[Output]) -> dict[str, int] | None:
    found: dict[str, int] = {}
    for index, output in enumerate(outputs):
        for name in (output.name, output.name.partition(":")[0]):
            if name in _NAMES:
                found.setdefault(_NAMES[name], index)
                break
    return found if {"boxes", "classes", "scores"} <= found.keys() else None


def _ordered(outputs: Sequence[Output]) -> dict[str, int] | None:
    if len(outputs) != len(ROLES):
        return None
    for order in _ORDERS:
        found = {role: index for index, role in enumerate(order)}
        if _shaped(found, outputs):
            return found
    return None


def _shaped(found: dict[str, int], outputs: Sequence[Output]) -> bool:
    """Whether the tensors have the shapes of their roles, with one n."""
    if not {"boxes", "classes", "scores"} <= found.keys():
        return False
    boxes, classes, scores = (outputs[found[role]].shape for role in ("boxes", "classes", "scores"))
    if len(boxes) != 3 or boxes[2] != 4 or len(classes) != 2 or len(scores) != 2:
        return False
    if len({boxes[1], classes[1], scores[1]} - {-1}) > 1:
        return False
    return "count" not in found or outputs[found["count"]].shape in {(), (1,), (-1,), (1, 1)}
