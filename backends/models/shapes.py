"""What the tensors of a model file prove; and the refusal where they prove too little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.contract import ArtifactError
from backends.heads.cells import count
from backends.models.facts import Fact, Facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backends.formats.modelfile import ModelFile, Tensor

POSTPROCESS = "TFLite_Detection_PostProcess"
_ROWS_OF_SIX = (
    "yolo-e2e  x1, y1, x2, y2 in pixels, confidence, class: YOLOv10, YOLO26, or NMS in the graph",
    "boxes     x1, y1, x2, y2 in 0..1, confidence, class",
    "rtdetr    cx, cy, width, height in 0..1, confidence, class: RT-DETR of Ultralytics",
)
_OBJECTNESS = (
    "yolox     as the YOLOX project exports it",
    "yolox     with head: {decoded: true}: boxes decoded in the graph",
    "yolov5    cx, cy, width, height in pixels, objectness, scores: YOLOv5, YOLOv6, YOLOv7",
)
_SCORES = (
    "yolo      cx, cy, width, height in pixels, scores: a YOLO's output transposed; corners with head: {box: xyxy}",
    "rtdetr    cx, cy, width, height in 0..1, scores: RT-DETR of Ultralytics before 8.4",
)
_PAIR = (
    "rtdetr    RT-DETR, D-FINE, DEIM: pixels in 0..1",
    "rfdetr    RF-DETR: pixels less ImageNet's mean, by its deviation",
)
_QUERIES = 1000
_EDGES = 64
_NANODET_EDGES = 32
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
        raise ArtifactError(f"{model.path}: its input {tensor} is not a single image (1, 3, h, w) or (1, h, w, 3)")
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
        offset = {} if model.format in {"tflite", "edgetpu"} else {"head.label_offset": Fact(1, origin)}
        return {"family": Fact("ssd", origin), **offset}
    if POSTPROCESS in model.operators:
        origin = f"custom operator {POSTPROCESS}"
        roles = {"head.outputs": Fact(dict(model.roles), "signature")} if model.roles else {}
        return {"family": Fact("ssd", origin), **roles}
    if not model.outputs or any(tensor.shape is None for tensor in model.outputs):
        return {}
    shapes = [tensor.shape for tensor in model.outputs if tensor.shape is not None]
    return _one(model, shapes[0], labels) if len(shapes) == 1 else _several(model, shapes, labels)


def _several(model: ModelFile, shapes: list[tuple[int, ...]], labels: int) -> Facts:
    """What more than one output proves: a transformer's pair, a split YOLO, or a first one beside masks."""
    if {"dets", "labels"} <= {tensor.name for tensor in model.outputs}:
        return {"family": Fact("rfdetr", "outputs named as by RF-DETR")}
    flat = [shape for shape in shapes if len(shape) == 3]
    pairs = [(a, b) for a in flat for b in flat if a[2] == 4 and a[1] == b[1] and a is not b]
    if pairs and 0 < pairs[0][0][1] <= _QUERIES and (not labels or pairs[0][1][2] >= labels):
        raise _ambiguous(model, "outputs have", _PAIR)
    edges, scores = (
        sum(len(shape) in {3, 4} and channels in {shape[1], shape[-1]} for shape in shapes)
        for channels in (_EDGES, labels or -1)
    )
    if edges == scores > 0 and edges + scores <= len(shapes) <= 2 * edges + scores:
        origin = f"{edges} output(s) of {_EDGES} channels, {scores} of {labels}, one for each label"
        return {"family": Fact("yolo-split", origin)}
    return _one(model, shapes[0], labels)


def _one(model: ModelFile, shape: tuple[int, ...], labels: int) -> Facts:
    tensor = model.outputs[0]
    alone = len(model.outputs) == 1
    if alone and len(shape) == 2 and shape[0] == 1 and shape[1] not in {-1, 6}:
        raise ArtifactError(f"{model.path}: its output {tensor} is one row of scores: a classifier gives no boxes")
    if len(shape) != 3:
        return {}
    meanings: list[str] = []
    if shape[2] == 6:
        meanings += _ROWS_OF_SIX
    if labels and shape[2] == labels + 5:
        if not meanings and shape[1] in _three_a_cell(model):
            return {"family": Fact("yolov5", f"output {tensor} is 5 + {labels} labels, three rows a cell")}
        meanings += _OBJECTNESS
    if labels and shape[2] == labels + 4 and shape[1] != labels + 4:
        meanings += [meaning for meaning in _SCORES if not (meanings and meaning.startswith("rtdetr"))]
    if meanings:
        raise _ambiguous(model, f"output {tensor} has", meanings)
    if alone and labels and shape[1] == labels + 4:
        return {"family": Fact("yolo", f"output {tensor} is 4 + {labels} labels")}
    if alone and labels and shape[2] == labels + _NANODET_EDGES and shape[1] > _QUERIES:
        return {"family": Fact("nanodet", f"output {tensor} is {labels} labels + {_NANODET_EDGES}")}
    return {}


def _ambiguous(model: ModelFile, what: str, meanings: Sequence[str]) -> ArtifactError:
    return ArtifactError(
        f"{model.path}: its {what} several meanings; write the right one as `family:` into "
        f"{model.path.with_suffix('.yaml')}:\n  " + "\n  ".join(meanings)
    )


def _three_a_cell(model: ModelFile) -> set[int]:
    """The rows of a detector with three anchors in each cell of its strides; empty where its input is not known."""
    found = input_facts(model)
    if not {"input.height", "input.width"} <= found.keys():
        return set()
    height, width = found["input.height"].value, found["input.width"].value
    return {3 * count(height, width, strides) for strides in ((8, 16, 32), (8, 16, 32, 64))}
