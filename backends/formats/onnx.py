"""ONNX: inputs, outputs and metadata of a ModelProto.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.contract import ArtifactError
from backends.formats import external
from backends.formats.modelfile import ModelFile, Tensor
from backends.formats.protobuf import Field, fields, signed, submessages, text

if TYPE_CHECKING:
    from backends.formats.window import Window

_DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 16: "bfloat16",
}  # fmt: skip
_BYTES = 2
_MAX_TEXT = 1024 * 1024


def read(window: Window) -> ModelFile:
    """Raises ArtifactError for anything that is no ONNX model."""
    parts: dict[int, list[Field]] = {}
    for item in fields(window, 0, window.size):
        if item.wire == _BYTES:
            parts.setdefault(item.number, []).append(item)
    if 7 not in parts:
        raise ArtifactError(f"{window.path}: has no ONNX graph: it is not an ONNX model")
    inputs, outputs = _io(window, parts[7][-1])
    producer = _short(window, parts[2][-1]) if 2 in parts else "?"
    opset = max((_opset(window, item) for item in parts.get(8, [])), default=0)
    metadata = {}
    for item in parts.get(14, []):
        strings = {part.number: _short(window, part) for part in fields(window, item.start, item.end)}
        metadata[strings.get(1, "")] = strings.get(2, "")
    return ModelFile(
        path=window.path,
        format="onnx",
        inputs=inputs,
        outputs=outputs,
        metadata=metadata,
        weights=external.weights(window, parts[7][-1], parts.get(25, [])),
        notes=(f"ONNX opset {opset}, written by {producer}",),
    )


def _io(window: Window, graph: Field) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []
    weights: set[str] = set()
    for item in fields(window, graph.start, graph.end):
        if item.number == 11 and item.wire == _BYTES:
            inputs.append(_tensor(window, item))
        elif item.number == 12 and item.wire == _BYTES:
            outputs.append(_tensor(window, item))
        elif item.number == 5 and item.wire == _BYTES:
            weights.update(_short(window, part) for part in submessages(window, item.start, item.end, 8))
    # Up to IR 3 the weights are listed among the inputs.
    return tuple(tensor for tensor in inputs if tensor.name not in weights), tuple(outputs)


def _opset(window: Window, item: Field) -> int:
    """The version of an OperatorSetId of the default domain, else 0."""
    version, domain = 0, ""
    for part in fields(window, item.start, item.end):
        if part.number == 2:
            version = part.value
        elif part.number == 1 and part.wire == _BYTES:
            domain = _short(window, part)
    return version if domain in {"", "ai.onnx"} else 0


def _tensor(window: Window, item: Field) -> Tensor:
    """A ValueInfoProto; what is no tensor has dtype "other"."""
    name, dtype, shape = "", "other", None
    for part in fields(window, item.start, item.end):
        if part.number == 1 and part.wire == _BYTES:
            name = _short(window, part)
        elif part.number == 2 and part.wire == _BYTES:
            for kind in submessages(window, part.start, part.end, 1):
                for detail in fields(window, kind.start, kind.end):
                    if detail.number == 1:
                        dtype = _DTYPES.get(detail.value, f"type {detail.value}")
                    elif detail.number == 2 and detail.wire == _BYTES:
                        shape = _shape(window, detail)
    return Tensor(name, shape, dtype)


def _shape(window: Window, item: Field) -> tuple[int, ...]:
    sizes = []
    for dimension in submessages(window, item.start, item.end, 1):
        values = [part.value for part in fields(window, dimension.start, dimension.end) if part.number == 1]
        size = signed(values[-1]) if values else -1
        sizes.append(size if size > 0 else -1)
    return tuple(sizes)


def _short(window: Window, item: Field) -> str:
    if item.end - item.start > _MAX_TEXT:
        raise window.broken(f"a text of {item.end - item.start} bytes; {_MAX_TEXT} is the limit")
    return text(window, item)
