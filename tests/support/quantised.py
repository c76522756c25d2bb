"""A network's INT8 twin, made as post-training quantisation makes it: ranges found on pictures, then 256 steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_CONVOLUTIONS = ("Convolution", "GroupConvolution")


def quantise(source: Path, target: Path, inputs: Iterable[np.ndarray], steps: int = 256) -> Path:
    """Writes `target` (.xml). What goes into each convolution is held in the range that the inputs showed, no more."""
    import openvino

    model = openvino.Core().read_model(source)
    ranges = _ranges(model, inputs)
    for convolution, (low, high) in zip(_convolutions(model), ranges, strict=True):
        _hold(convolution, low, high, steps)
    model.validate_nodes_and_infer_types()
    openvino.save_model(model, target, compress_to_fp16=False)
    return target


def _convolutions(model: Any) -> list[Any]:
    return [op for op in model.get_ordered_ops() if op.get_type_name() in _CONVOLUTIONS]


def _ranges(model: Any, inputs: Iterable[np.ndarray]) -> list[tuple[float, float]]:
    import openvino
    from openvino import opset13 as ops

    watched = model.clone()
    for op in _convolutions(watched):
        for reduced in (ops.reduce_min, ops.reduce_max):
            every = np.arange(len(op.input_value(0).get_partial_shape()))
            watched.add_results([ops.result(reduced(op.input_value(0), every, keep_dims=False))])
    outputs = len(model.outputs)
    compiled = openvino.Core().compile_model(watched, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    rows = np.array([[float(value) for value in list(compiled(one).values())[outputs:]] for one in inputs])
    return list(zip(rows[:, 0::2].min(axis=0), rows[:, 1::2].max(axis=0), strict=True))


def _hold(convolution: Any, low: float, high: float, steps: int) -> None:
    from openvino import opset13 as ops

    edges = [np.float32(low), np.float32(max(high, low + 1e-6))]
    held = ops.fake_quantize(convolution.input_value(0), *edges, *edges, steps)
    convolution.input(0).replace_source_output(held.output(0))
