"""Builds tiny detectors as TFLite files, compiled for the Edge TPU double or plain, with known detections.

Needs numpy and, while building, ai-edge-litert's schema module; nothing else of this project.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

_DTYPES = {"float32": 0, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int8": 9}
_STEP = 1 / 255


@dataclass(frozen=True)
class Tensor:
    """fill: what the tensor holds, repeated to its end: stored numbers, or "i7" for the input's eighth number.

    open_batch: the file says that any batch goes.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "uint8"
    scale: float = 0.0
    zero_point: int = 0
    fill: tuple[float | str, ...] = (0,)
    open_batch: bool = False


@dataclass(frozen=True)
class Detection:
    """xyxy in 0..1 (rounded to 1/255), confidence in 0..1 (likewise)."""

    xyxy: tuple[float, float, float, float]
    confidence: float
    class_id: int


QUANTISED = {"uint8": (_STEP, 0), "int8": (_STEP, -128), "float32": (0.0, 0)}
"""(scale, zero_point) of an input that stores pixel / 255."""


def image(height: int, width: int, dtype: str = "uint8", quantised: tuple[float, int] | None = None) -> Tensor:
    scale, zero_point = QUANTISED[dtype] if quantised is None else quantised
    return Tensor("image", (1, height, width, 3), dtype, scale, zero_point)


def pixel(index: int) -> str:
    """A fill: the input's stored number at `index`, 0..255 as 0..1."""
    return f"i{index}*{_STEP}"


def boxes(given: Tensor, rows: Sequence[Sequence[float | str]], *, compiled: bool = True) -> bytes:
    """A detector of head `boxes`: one output (1, n, 6) float32, x1 y1 x2 y2 in 0..1, confidence, class_id."""
    flat = tuple(value for row in rows for value in row)
    return model(given, [Tensor("table", (1, len(rows), 6), "float32", fill=flat)], compiled=compiled)


def ssd(given: Tensor, found: Sequence[Detection], labels: int, *, compiled: bool = True) -> bytes:
    """A detector of head `ssd`, label_offset 0: the chip's (or constant) tensors, then TFLite_Detection_PostProcess.

    The anchors are the boxes. What is found must not overlap: the operator suppresses that.
    """
    count = len(found)
    scores = np.zeros((count, labels + 1), np.uint8)
    anchors = np.zeros((count, 4), np.float64)
    for row, one in enumerate(found):
        scores[row, 1 + one.class_id] = round(one.confidence * 255)
        x1, y1, x2, y2 = one.xyxy
        anchors[row] = (y1 + y2) / 2, (x1 + x2) / 2, y2 - y1, x2 - x1
    return model(
        given,
        [
            Tensor("encodings", (1, count, 4), "uint8", _STEP, 128, (128,)),
            Tensor("scores", (1, count, labels + 1), "uint8", _STEP, 0, tuple(scores.ravel().tolist())),
        ],
        compiled=compiled,
        anchors=np.round(anchors * 255).astype(np.uint8),
        labels=labels,
    )


def model(
    given: Tensor | Sequence[Tensor],
    made: Sequence[Tensor],
    *,
    compiled: bool = True,
    anchors: np.ndarray | None = None,
    labels: int = 0,
) -> bytes:
    """A file whose one edgetpu-custom-op makes `made`; not `compiled`, they are constants (fills are numbers then).

    With anchors, uint8 (n, 4) of scale 1/255 as y, x, h, w, the outputs are those of TFLite_Detection_PostProcess.
    """
    from ai_edge_litert import schema_py_generated as schema

    inputs = [given] if isinstance(given, Tensor) else list(given)
    graph = _Graph(schema)
    sources = [graph.tensor(one) for one in inputs]
    outputs = [graph.tensor(one, None if compiled else _stored(one)) for one in made]
    if compiled:
        lines = [",".join(str(value) for value in one.fill) for one in made]
        graph.operator("edgetpu-custom-op", sources, outputs, "\n".join(["double", *lines]).encode())
    if anchors is not None:
        count = len(anchors)
        fixed = graph.tensor(Tensor("anchors", anchors.shape, "uint8", _STEP, 0), anchors.tobytes())
        name = "TFLite_Detection_PostProcess"
        shapes = {"": (1, count, 4), ":1": (1, count), ":2": (1, count), ":3": (1,)}
        chosen = [graph.tensor(Tensor(name + end, shape, "float32")) for end, shape in shapes.items()]
        graph.operator(name, [*outputs, fixed], chosen, _postprocess(count, labels))
        outputs = chosen
    return graph.finish(sources, outputs)


def quantise(shape: tuple[int, ...], dtype: str, scale: float, zero_point: int) -> bytes:
    """A plain file whose one operator is QUANTIZE, from float32."""
    from ai_edge_litert import schema_py_generated as schema

    graph = _Graph(schema)
    source = graph.tensor(Tensor("real", shape, "float32"))
    target = graph.tensor(Tensor("stored", shape, dtype, scale, zero_point))
    graph.builtin(schema.BuiltinOperator.QUANTIZE, [source], [target])
    return graph.finish([source], [target])


def bright(height: int, width: int) -> bytes:
    """A plain detector of head `boxes` with as many rows, (n, 6) int64, as its float32 image has numbers above 100."""
    from ai_edge_litert import schema_py_generated as schema

    graph, code = _Graph(schema), schema.BuiltinOperator
    rank6 = (1, 1, height, width, 3, 1)  # so that a place in it has six numbers
    source = graph.tensor(Tensor("image", (1, height, width, 3), "float32"))
    shape = graph.tensor(Tensor("shape", (6,), "int32"), np.array(rank6, np.int32).tobytes())
    least = graph.tensor(Tensor("least", (), "float32"), np.float32(100).tobytes())
    numbers, found = graph.tensor(Tensor("numbers", rank6, "float32")), graph.tensor(Tensor("found", rank6, "bool"))
    rows = graph.tensor(Tensor("rows", (1, 6), "int64", open_batch=True))
    graph.builtin(code.RESHAPE, [source, shape], [numbers])
    graph.builtin(code.GREATER, [numbers, least], [found])
    graph.builtin(code.WHERE, [found], [rows])
    return graph.finish([source], [rows])


class _Graph:
    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._tensors: list[Any] = []
        self._buffers: list[Any] = [schema.BufferT()]
        self._operators: list[Any] = []
        self._codes: list[Any] = []

    def tensor(self, one: Tensor, content: bytes | None = None) -> int:
        quantised = self._schema.QuantizationParametersT(scale=[one.scale], zeroPoint=[one.zero_point])
        self._tensors.append(
            self._schema.TensorT(
                shape=list(one.shape),
                type=_DTYPES[one.dtype],
                buffer=0 if content is None else len(self._buffers),
                name=one.name,
                quantization=quantised if one.scale else None,
                shapeSignature=[-1, *one.shape[1:]] if one.open_batch else None,
            )
        )
        if content is not None:
            self._buffers.append(self._schema.BufferT(data=list(content)))
        return len(self._tensors) - 1

    def operator(self, name: str, inputs: list[int], outputs: list[int], options: bytes) -> None:
        custom = self._schema.BuiltinOperator.CUSTOM
        self._codes.append(self._schema.OperatorCodeT(custom, name, 1, custom))
        self._operators.append(
            self._schema.OperatorT(len(self._codes) - 1, inputs, outputs, customOptions=list(options))
        )

    def builtin(self, code: int, inputs: list[int], outputs: list[int]) -> None:
        self._codes.append(self._schema.OperatorCodeT(code, None, 1, code))
        self._operators.append(self._schema.OperatorT(len(self._codes) - 1, inputs, outputs))

    def finish(self, inputs: list[int], outputs: list[int]) -> bytes:
        import flatbuffers

        graph = self._schema.SubGraphT(self._tensors, inputs, outputs, self._operators, "main")
        builder = flatbuffers.Builder(1024)
        root = self._schema.ModelT(3, self._codes, [graph], "a tiny detector", self._buffers).Pack(builder)
        builder.Finish(root, b"TFL3")
        return bytes(builder.Output())


def _stored(one: Tensor) -> bytes:
    values = np.resize(np.array(one.fill, np.float64), one.shape)
    return values.astype(one.dtype).tobytes()


def _postprocess(count: int, labels: int) -> bytes:
    from flatbuffers import flexbuffers

    builder = flexbuffers.Builder()
    with builder.Map():
        for key, number in {"max_detections": count, "max_classes_per_detection": 1, "num_classes": labels}.items():
            builder.Int(key, number)
        for key, value in {"nms_score_threshold": 0.0, "nms_iou_threshold": 0.5}.items():
            builder.Float(key, value)
        for key in ("y_scale", "x_scale", "h_scale", "w_scale"):
            builder.Float(key, 1.0)
        builder.Bool("use_regular_nms", False)
    return bytes(builder.Finish())
