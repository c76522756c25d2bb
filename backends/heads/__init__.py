"""Output heads: raw tensors of one model family in, `Detections` in pixels of its input out. NumPy only."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from backends.contract import ArtifactError, Output
from backends.heads.quantisation import check_scales
from backends.points import points

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.detections import Detections

    Factory = Callable[[Artifact, Sequence[Output]], "Head"]

GROUP = "vedette.heads"
BUILTIN = {
    "boxes": "backends.heads.boxes:BoxesHead",
    "efficientdet-lite": "backends.heads.ssd:SsdHead",
    "nanodet": "backends.heads.nanodet:NanodetHead",
    "rfdetr": "backends.heads.rfdetr:RfDetrHead",
    "rtdetr": "backends.heads.rtdetr:RtDetrHead",
    "ssd": "backends.heads.ssd:SsdHead",
    "yolo": "backends.heads.yolo:YoloHead",
    "yolo-e2e": "backends.heads.yolo_e2e:YoloE2eHead",
    "yolo-split": "backends.heads.yolo_split:YoloSplitHead",
    "yolov5": "backends.heads.yolov5:YoloV5Head",
    "yolox": "backends.heads.yolox:YoloxHead",
}


class Head(Protocol):
    """Decodes what one loaded model returns. Used by one thread at a time."""

    def decode(self, outputs: Sequence[NDArray[Any]], floor: float) -> Detections:
        """Detections with confidence >= floor, in pixels of the model's input, best first, at most 300.

        outputs: the tensors of `Engine.run`, in the order `make_head` was given; not kept, not changed.
        """
        ...


def families() -> tuple[str, ...]:
    """The ids of all heads there are, ours and external ones; nothing is imported."""
    return tuple(sorted({*BUILTIN, *(entry.name for entry in points(GROUP))}))


def make_head(artifact: Artifact, outputs: Sequence[Output]) -> Head:
    """The head of the artifact's family, fitted to the engine's outputs.

    An external head is what an entry point of group "vedette.heads" names, called with the same arguments.
    Raises ArtifactError when there is no such family, or the tensors do not fit it or the labels.
    """
    known = _quantised(artifact, outputs)
    check_scales(artifact, known)
    return _factory(artifact.family)(artifact, known)


def _quantised(artifact: Artifact, outputs: Sequence[Output]) -> Sequence[Output]:
    """The outputs, with the file's quantisation where they are integers of which the engine says nothing."""
    if len(artifact.quantisation) != len(outputs):
        return outputs
    return [
        replace(output, scale=scale, zero_point=zero_point)
        if not output.scale and output.dtype in {"int8", "uint8", "int16"}
        else output
        for output, (scale, zero_point) in zip(outputs, artifact.quantisation, strict=True)
    ]


def _factory(family: str) -> Factory:
    if family in BUILTIN:
        module, name = BUILTIN[family].split(":")
        return cast("Factory", getattr(import_module(module), name))
    for entry in points(GROUP):
        if entry.name != family:
            continue
        try:
            return cast("Factory", entry.load())
        except Exception as error:
            raise ArtifactError(f"head {family!r} ({entry.value}) cannot be imported: {error!r}") from error
    raise ArtifactError(f"no head {family!r}; there are: {', '.join(families())}")
