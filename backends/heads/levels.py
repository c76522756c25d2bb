"""Which outputs of a split YOLO belong together, and to which strides. Only by `head.outputs` and shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backends.heads import cells, fit
from backends.heads.roles import stated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backends.artifact import Artifact
    from backends.contract import Output

BINS = 64
_STRIDES = (4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Level:
    """One pair of tensors. boxes, scores: their indices; *_last: whether the channels are the last axis."""

    strides: tuple[int, ...]
    boxes: int
    boxes_last: bool
    scores: int
    scores_last: bool


def levels(artifact: Artifact, outputs: Sequence[Output]) -> tuple[Level, ...]:
    """The pairs, by stride. Raises ArtifactError unless every stride of the boxes has its scores, and there is one."""
    given = stated(artifact, outputs)
    every = tuple(range(len(outputs)))
    boxes = _by_strides(artifact, outputs, given.get("boxes", every), BINS)
    scores = _by_strides(artifact, outputs, given.get("scores", every), len(artifact.labels))
    if boxes and scores and boxes.keys() == scores.keys():
        options = [
            tuple(Level(strides, *one, *other) for strides, one, other in zip(sorted(boxes), left, right, strict=True))
            for left in _choices(boxes)
            for right in _choices(scores)
        ]
        options = [option for option in options if _apart(option) and _obeys(option, given)]
        if len(options) == 1:
            return options[0]
    raise fit.misfit(
        artifact,
        f"pairs of outputs with {BINS} channels (edges) and {len(artifact.labels)} channels (classes) over the cells "
        "of a stride, or of 8, 16 and 32 together; outputs with as many channels are told apart by "
        "head: {outputs: {boxes: 0, scores: 1}}, lists where there are several",
        outputs,
    )


_Found = dict[tuple[int, ...], list[tuple[int, bool]]]


def _by_strides(artifact: Artifact, outputs: Sequence[Output], indices: Sequence[int], channels: int) -> _Found:
    """Strides to (index, channels last) of the outputs that have such channels over their cells."""
    found: _Found = {}
    # A tensor that can be read both ways is read as the input is laid out.
    ways = (True, False) if artifact.input.layout == "NHWC" else (False, True)
    for index in indices:
        shape = outputs[index].shape
        for last in ways:
            strides = _strides(artifact, shape, channels, last)
            if strides:
                found.setdefault(strides, []).append((index, last))
                break
    return found


def _strides(artifact: Artifact, shape: tuple[int, ...], channels: int, last: bool) -> tuple[int, ...]:
    if len(shape) not in {3, 4} or shape[0] not in {1, -1} or shape[-1 if last else 1] != channels:
        return ()
    space = shape[1:-1] if last else shape[2:]
    height, width = artifact.input.height, artifact.input.width
    if len(space) == 2:
        return next(((stride,) for stride in _STRIDES if cells.level(height, width, stride) == space), ())
    groups = (*cells.TOGETHER, *((stride,) for stride in _STRIDES))
    return next((strides for strides in groups if cells.count(height, width, strides) == space[0]), ())


def _choices(found: _Found) -> list[tuple[tuple[int, bool], ...]]:
    """One output for each strides, in every way; at most a few, since a model has few outputs of one shape."""
    ways: list[tuple[tuple[int, bool], ...]] = [()]
    for strides in sorted(found):
        ways = [(*way, one) for way in ways for one in found[strides]][:64]
    return ways


def _apart(option: tuple[Level, ...]) -> bool:
    return all(level.boxes != level.scores for level in option)


def _obeys(option: tuple[Level, ...], given: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether it uses every output that `head.outputs` names."""
    boxes, scores = {level.boxes for level in option}, {level.scores for level in option}
    return boxes.issuperset(given.get("boxes", ())) and scores.issuperset(given.get("scores", ()))
