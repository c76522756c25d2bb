"""TensorFlow frozen graphs (GraphDef): placeholders, and the outputs of the Object Detection API by name.

Field numbers: tensorflow/core/framework/{graph,node_def,attr_value,tensor_shape}.proto
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.contract import ArtifactError
from backends.formats.modelfile import ModelFile, Tensor
from backends.formats.protobuf import Field, fields, signed, submessages, text

if TYPE_CHECKING:
    from backends.formats.window import Window

_DTYPES = {1: "float32", 3: "int32", 4: "uint8", 6: "int8", 9: "int64", 10: "bool", 19: "float16"}
_SHAPES = {
    "detection_boxes": (1, -1, 4),
    "detection_classes": (1, -1),
    "detection_scores": (1, -1),
    "num_detections": (1,),
}
_MAX_NAME = 4096


def read(window: Window) -> ModelFile:
    """Raises ArtifactError for anything that is no GraphDef with a placeholder.

    A GraphDef does not say which nodes are its outputs. Known are those of the detection API, by name, in the
    order in which OpenVINO returns them; any other graph gets no outputs here.
    """
    inputs: list[Tensor] = []
    found: set[str] = set()
    nodes = 0
    for node in submessages(window, 0, window.size, 1):
        nodes += 1
        name, kind = "", ""
        for part in fields(window, node.start, node.end):
            if part.number in {1, 2} and part.wire == 2 and part.end - part.start <= _MAX_NAME:
                name, kind = (text(window, part), kind) if part.number == 1 else (name, text(window, part))
            elif part.number == 5:
                break
        if kind == "Placeholder":
            inputs.append(_placeholder(window, node, name))
        if name in _SHAPES:
            found.add(name)
    if not inputs:
        raise ArtifactError(f"{window.path}: is not a TensorFlow frozen graph: no placeholder in {nodes} nodes")
    return ModelFile(
        path=window.path,
        format="tensorflow",
        inputs=tuple(inputs),
        outputs=tuple(Tensor(name, shape, "float32") for name, shape in _SHAPES.items() if name in found),
        notes=(f"TensorFlow graph of {nodes} nodes",),
    )


def _placeholder(window: Window, node: Field, name: str) -> Tensor:
    dtype, shape = "other", None
    for attribute in submessages(window, node.start, node.end, 5):
        parts = {part.number: part for part in fields(window, attribute.start, attribute.end) if part.wire == 2}
        if not {1, 2} <= parts.keys() or parts[1].end - parts[1].start > _MAX_NAME:
            continue
        key = text(window, parts[1])
        for value in fields(window, parts[2].start, parts[2].end):
            if key == "dtype" and value.number == 6:
                dtype = _DTYPES.get(value.value, f"type {value.value}")
            elif key == "shape" and value.number == 7 and value.wire == 2:
                shape = _shape(window, value)
    return Tensor(name, shape, dtype)


def _shape(window: Window, item: Field) -> tuple[int, ...] | None:
    sizes = []
    for part in fields(window, item.start, item.end):
        if part.number == 3 and part.value:
            return None
        if part.number == 2 and part.wire == 2:
            values = [size.value for size in fields(window, part.start, part.end) if size.number == 1]
            size = signed(values[-1]) if values else -1
            sizes.append(size if size > 0 else -1)
    return tuple(sizes)
