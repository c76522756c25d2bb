"""Refuses quantised outputs whose scale is not known, or is too coarse or too small for what the tensor holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backends.contract import ArtifactError
from backends.heads import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backends.artifact import Artifact
    from backends.contract import Output

_EIGHT_BITS = ("int8", "uint8")
_UNITY = 1 / 127
_COARSEST = 1 / 16
_PIXELS = 16
_SPLIT = "or with boxes and scores as outputs of their own (family yolo-split)"


def check_scales(artifact: Artifact, outputs: Sequence[Output]) -> None:
    """Raises ArtifactError for a scale that is no scale."""
    for output in outputs:
        if not math.isfinite(output.scale) or output.scale < 0:
            raise ArtifactError(
                f"{_of(artifact, output)} has the scale {output.scale}: the file is damaged; export it again"
            )


def check_known(artifact: Artifact, *outputs: Output) -> None:
    """For tensors of boxes and scores. Raises ArtifactError for 8 bits of unknown meaning."""
    for output in outputs:
        if output.dtype in _EIGHT_BITS and not output.scale:
            raise ArtifactError(
                f"{_of(artifact, output)} is quantised, but neither the file nor the engine says its scale; "
                "export it with one scale for the whole tensor"
            )


def check_one_scale(artifact: Artifact, output: Output, units: str) -> None:
    """For a tensor that holds boxes and confidence together, with one scale for both.

    units: "px" for boxes in pixels, "norm" for 0..1, "raw" for the undecoded numbers of a network, which are small.
    Raises ArtifactError where the 8 bits leave too few values of confidence (boxes in 0..640 leave two), or none
    large enough for a pixel.
    """
    if output.dtype not in _EIGHT_BITS:
        return
    check_known(artifact, output)
    if output.scale > (_COARSEST if units == "raw" else _UNITY):
        raise ArtifactError(
            f"{_of(artifact, output)} holds boxes and confidence in steps of {output.scale:.3g}, which leaves "
            f"{1 + int(1 / output.scale)} value(s) of confidence: as when boxes in pixels are quantised together with "
            f"scores. Export it with boxes in 0..1 (steps of at most 1/127), {_SPLIT}"
        )
    if units == "px" and 256 * output.scale < _PIXELS:
        raise ArtifactError(
            f"{_of(artifact, output)} reaches {256 * output.scale:.3g} at most, so its boxes are not in pixels; write "
            f"`head: {{units: norm}}` into {artifact.path.with_suffix('.yaml')} if they are in 0..1, else export it "
            f"with boxes in 0..1, {_SPLIT}"
        )


def check_rows(artifact: Artifact, output: Output, units: str) -> None:
    """As `check_one_scale`, for rows that hold the class as a number too."""
    check_one_scale(artifact, output, units)
    if output.dtype not in _EIGHT_BITS:
        return
    largest = ((127 if output.dtype == "int8" else 255) - output.zero_point) * output.scale
    if largest < len(artifact.labels) - 1.5:
        raise ArtifactError(
            f"{_of(artifact, output)} holds confidence and class in one scale and reaches {largest:.3g} at most: "
            f"too little for {len(artifact.labels)} classes. Export it with its NMS left out (end2end or nms off)"
        )


def _of(artifact: Artifact, output: Output) -> str:
    return f"{artifact.path}: its output {output.name} {fit.shape(output)} {output.dtype}"
