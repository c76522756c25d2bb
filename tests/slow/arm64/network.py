"""A small detector of random weights as a TFLite file: real convolutions for LiteRT's kernels, and nothing learnt.

What it finds depends on the whole picture, and differently so for each box.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIZE = 160
LABELS = ("one", "two", "three")
_CHANNELS = 16
_COLUMNS = 4 + len(LABELS)
_SPREAD = 2.5
"""Of what goes into the last logistic function: scores from near 0 to near 1."""


def write(path: Path) -> None:
    """The file, and a sidecar that says how to read its output: (1, 100, 7), cx cy w h in 0..1 and three scores.

    Nothing is suppressed: which of two boxes wins would hang on the last digits.
    """
    rng = np.random.default_rng(7)
    coarse = rng.normal(0, 0.1, (_CHANNELS, 2, 2, 3))
    first = coarse.repeat(4, axis=1).repeat(4, axis=2)  # smooth: machines scale pictures a little differently
    second = rng.normal(0, _SPREAD / np.sqrt(9 * _CHANNELS), (_COLUMNS, 3, 3, _CHANNELS))
    first -= first.mean(axis=(1, 2, 3), keepdims=True)  # blind to brightness alone
    path.write_bytes(_model(first.astype("<f4"), second.astype("<f4")))
    sidecar = {"family": "yolo", "labels": list(LABELS), "head": {"units": "norm", "iou": 1.0}}
    path.with_suffix(".yaml").write_text(json.dumps(sidecar))  # JSON is YAML


def _model(first: NDArray[np.float32], second: NDArray[np.float32]) -> bytes:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    operator, options = schema.BuiltinOperator, schema.BuiltinOptions
    cells = (SIZE // 16) ** 2
    buffers: list[Any] = [schema.BufferT()]
    tensors: list[Any] = []

    def tensor(name: str, shape: tuple[int, ...], content: NDArray[Any] | None = None) -> int:
        buffer = 0
        if content is not None:
            buffer = len(buffers)
            buffers.append(schema.BufferT(data=list(content.tobytes())))
        kind = schema.TensorType.FLOAT32 if content is None or content.dtype == "<f4" else schema.TensorType.INT32
        tensors.append(schema.TensorT(shape=list(shape), type=kind, buffer=buffer, name=name))
        return len(tensors) - 1

    def weights(name: str, values: NDArray[np.float32]) -> list[int]:
        bias = np.zeros(len(values), "<f4")
        return [tensor(name, values.shape, values), tensor(f"{name}_bias", bias.shape, bias)]

    def convolution(stride: int, activation: int) -> dict[str, Any]:
        same = schema.Padding.SAME
        chosen = schema.Conv2DOptionsT(same, strideW=stride, strideH=stride, fusedActivationFunction=activation)
        return {"builtinOptionsType": options.Conv2DOptions, "builtinOptions": chosen}

    image = tensor("image", (1, SIZE, SIZE, 3))
    small = tensor("small", (1, SIZE // 8, SIZE // 8, _CHANNELS))
    raw = tensor("raw", (1, SIZE // 16, SIZE // 16, _COLUMNS))
    scores = tensor("scores", (1, SIZE // 16, SIZE // 16, _COLUMNS))
    output = tensor("output", (1, cells, _COLUMNS))
    shape = tensor("shape", (3,), np.array([1, cells, _COLUMNS], "<i4"))
    relu6, linear = schema.ActivationFunctionType.RELU6, schema.ActivationFunctionType.NONE
    reshape = schema.ReshapeOptionsT(newShape=[1, cells, _COLUMNS])
    steps = [
        schema.OperatorT(0, [image, *weights("first", first)], [small], **convolution(8, relu6)),
        schema.OperatorT(0, [small, *weights("second", second)], [raw], **convolution(2, linear)),
        schema.OperatorT(1, [raw], [scores]),
        schema.OperatorT(
            2, [scores, shape], [output], builtinOptionsType=options.ReshapeOptions, builtinOptions=reshape
        ),
    ]
    codes = [
        schema.OperatorCodeT(code, None, 1, code) for code in (operator.CONV_2D, operator.LOGISTIC, operator.RESHAPE)
    ]
    graph = schema.SubGraphT(tensors, [image], [output], steps, "main")
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(schema.ModelT(3, codes, [graph], "random", buffers).Pack(builder), b"TFL3")
    return bytes(builder.Output())
