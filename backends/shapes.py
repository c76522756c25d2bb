"""What the tensors of a model file prove; and the refusal where they prove too little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.contract import ArtifactError
from backends.facts import Fact, Facts

if TYPE_CHECKING:
    from backends.formats.modelfile import ModelFile, Tensor

POSTPROCESS = "TFLite_Detection_PostProcess"
_ROWS_OF_SIX = (
    "yolo-e2e  x1, y1, x2, y2 in pixels, confidence, class: YOLOv10, YOLO26, or NMS in the graph",
    "boxes     x1, y1, x2, y2 in 0..1, confidence, class",
    "(rtdetr)  cx, cy, width, height in 0..1, confidence, class: not in this version",
)
_OBJECTNESS = (
    "yolox     as the YOLOX project exports it",
    "yolox     with head: {decoded: true}: boxes decoded in the graph",
    "(yolov5)  and YOLOv6, which have the same columns: not in this version",
)
_DTYPES = {"float32", "float16", "uint8", "int8"}


def input_facts(model: ModelFile) -> Facts:
    """Name, layout, dtype and size of the one image input. Raises ArtifactError when there is no such input."""
    if len(model.inputs) != 1:
        listed = ", ".join(str(tensor) for tensor in model.inputs) or "none"
        raise ArtifactError(f"{model.path}: a detector has one input, this has {len(model.inputs)}: {listed}")
    tensor = model.inputs[0]
    facts = {"input.name": tensor.name} if tensor.name else {}
    if tensor.dtype in _DTYPES:
        facts["input.dtype"] = tensor.dtype
    elif tensor.dtype != "other":
        raise ArtifactError(
            f"{model.path}: its input {tensor} is {tensor.dtype}; {', '.join(sorted(_DTYPES))} can be fed"
        )
    found = {key: Fact(value, f"input {tensor}") for key, value in facts.items()}
    return {**found, **_layout(model, tensor)}


def _layout(model: ModelFile, tensor: Tensor) -> Facts:
    shape = tensor.shape
    if shape is None:
        return {}
    if len(shape) != 4 or shape[0] not in {1, -1}:
        raise ArtifactError(f"{model.path}: its input {tensor} is no single image (1, 3, h, w) or (1, h, w, 3)")
    if shape[1] == 3 and shape[3] != 3:
        layout, (height, width) = "NCHW", shape[2:]
    elif shape[3] == 3 and shape[1] != 3:
        layout, (height, width) = "NHWC", shape[1:3]
    else:
        raise ArtifactError(f"{model.path}: its input {tensor} has no axis of 3 channels, or two")
    facts = {"input.layout": layout}
    sizes = {"input.height": height, "input.width": width}
    return {
        **{key: Fact(value, f"input {tensor}") for key, value in facts.items()},
        **{key: Fact(value, f"input {tensor}") for key, value in sizes.items() if value > 0},
    }


def family_facts(model: ModelFile, labels: int) -> Facts:
    """The family, where the outputs leave one; else nothing.

    labels: how many are known, 0 for unknown. Raises ArtifactError where the shapes have several meanings.
    """
    names = {tensor.name.partition(":")[0] for tensor in model.outputs}
    if {"detection_boxes", "detection_classes", "detection_scores"} <= names:
        origin = "outputs named as by TensorFlow's detection API"
        offset = {} if model.format == "tflite" else {"head.label_offset": Fact(1, origin)}
        return {"family": Fact("ssd", origin), **offset}
    if POSTPROCESS in model.operators:
        origin = f"custom operator {POSTPROCESS}"
        roles = {"head.outputs": Fact(dict(model.roles), "signature")} if model.roles else {}
        return {"family": Fact("ssd", origin), **roles}
    first = model.outputs[0] if model.outputs else None
    if first is None or first.shape is None:
        return {}
    return _by_shape(model, first, first.shape, labels)


def _by_shape(model: ModelFile, tensor: Tensor, shape: tuple[int, ...], labels: int) -> Facts:
    if len(model.outputs) == 1 and len(shape) == 2 and shape[0] == 1 and shape[1] not in {-1, 6}:
        raise ArtifactError(f"{model.path}: its output {tensor} is one row of scores: a classifier gives no boxes")
    meanings: list[str] = []
    if len(shape) == 3 and shape[2] == 6:
        meanings += _ROWS_OF_SIX
    if len(shape) == 3 and labels and shape[2] == labels + 5:
        meanings += _OBJECTNESS
    if meanings:
        raise ArtifactError(
            f"{model.path}: its output {tensor} has several meanings; write the right one as `family:` into "
            f"{model.path.with_suffix('.yaml')}:\n  " + "\n  ".join(meanings)
        )
    if len(model.outputs) == 1 and len(shape) == 3 and labels and shape[1] == labels + 4:
        return {"family": Fact("yolo", f"output {tensor} is 4 + {labels} labels")}
    return {}
