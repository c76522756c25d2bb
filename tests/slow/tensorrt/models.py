"""Tiny real ONNX models, written with the package onnx. Run in a child: python -m tests.slow.tensorrt.models FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

HEIGHT, WIDTH = 32, 48
FLOAT, HALF, INT8 = 1, 10, 3


def write_all(folder: Path) -> None:
    import onnx
    from onnx import helper, numpy_helper

    def save(name: str, nodes: list[Any], kind: int, size: list[Any], tensors: list[Any], opset: int = 17) -> None:
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("images", kind, [1 if isinstance(size[0], int) else "n", 3, *size])],
            [helper.make_tensor_value_info("output0", kind, [1 if isinstance(size[0], int) else "n", 6, *size])],
            tensors,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8
        onnx.save(model, folder / f"{name}.onnx")

    def weights(dtype: Any) -> Any:
        values = np.random.default_rng(0).normal(size=(6, 3, 3, 3))
        return numpy_helper.from_array(values.astype(dtype), "w")

    conv = helper.make_node("Conv", ["images", "w"], ["output0"], pads=[1, 1, 1, 1])
    save("f32", [conv], FLOAT, [HEIGHT, WIDTH], [weights(np.float32)])
    save("f16", [conv], HALF, [HEIGHT, WIDTH], [weights(np.float16)])
    save("dynamic", [conv], FLOAT, ["h", "w_"], [weights(np.float32)])
    save("unknown", [helper.make_node("Nonsense", ["images"], ["output0"])], FLOAT, [HEIGHT, WIDTH], [])
    one = lambda name, value, dtype: numpy_helper.from_array(np.array(value, dtype), name)  # noqa: E731
    save(
        "qdq",
        [
            helper.make_node("QuantizeLinear", ["images", "s", "z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"]),
            helper.make_node("QuantizeLinear", ["w", "ws", "z"], ["wq"]),
            helper.make_node("DequantizeLinear", ["wq", "ws", "z"], ["wd"]),
            helper.make_node("Conv", ["d", "wd"], ["output0"], pads=[1, 1, 1, 1]),
        ],
        FLOAT,
        [HEIGHT, WIDTH],
        [weights(np.float32), one("s", 0.01, np.float32), one("ws", 0.02, np.float32), one("z", 0, np.int8)],
    )


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
