"""Networks of random numbers, written as OpenVINO IR with a sidecar: they need no download and see nothing real."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


def slow_network(folder: Path, blocks: int, size: int = 640) -> Path:
    """One that takes its time, 1.9 GFLOP a block, and never reports a box."""
    from openvino import opset13 as ops

    random = np.random.default_rng(0)
    image = ops.parameter([1, 3, size, size], np.float32, name="images")
    tensor = ops.relu(_convolve(random, image, 3, 32, 2))
    tensor = ops.relu(_convolve(random, tensor, 32, 64, 2))
    for _ in range(blocks):
        tensor = ops.relu(_convolve(random, tensor, 64, 64, 1))
    table = ops.reshape(_convolve(random, tensor, 64, 6, 2), np.array([1, 6, -1]), special_zero=False)
    unseen = ops.multiply(ops.sigmoid(table), np.float32(0.01))
    return _save(folder, unseen, image, "f32")


def boxes_network(folder: Path, precision: str, size: int = 320) -> Path:
    """One whose boxes and scores depend on the picture: (1, 6, n) as family yolo has it, some scores above 0.3."""
    from openvino import opset13 as ops

    random = np.random.default_rng(3)
    image = ops.parameter([1, 3, size, size], np.float32, name="images")
    tensor = ops.relu(_convolve(random, image, 3, 16, 4))
    tensor = ops.relu(_convolve(random, tensor, 16, 16, 4))
    table = ops.reshape(_convolve(random, tensor, 16, 6, 2), np.array([1, 6, -1]), special_zero=False)
    steep = ops.sigmoid(ops.multiply(table, np.float32(0.5)))
    scale = np.array([size, size, size / 4, size / 4, 1, 1], np.float32).reshape(1, 6, 1)
    return _save(folder, ops.multiply(steep, scale), image, precision)


def bright_network(
    folder: Path,
    width: int = 160,
    height: int = 120,
    *,
    levels: tuple[float, float] | None = None,
    name: str = "bright",
) -> Path:
    """One that finds what is bright: the box around all pixels above 190, confidence 0.9, or nothing.

    levels: the range of pixels that it was quantised for, into 256 steps, as a calibration finds it; None: not at all.
    name: of its files.
    """
    from openvino import opset13 as ops

    image = ops.parameter([1, 3, height, width], np.float32, name="images")
    edges_of_steps = [np.float32(edge) for edge in levels or ()]
    steps = ops.fake_quantize(image, *edges_of_steps, *edges_of_steps, 256) if levels else image
    luma = ops.reduce_mean(steps, np.array([1]), keep_dims=False)
    bright = ops.convert(ops.greater(luma, np.float32(190)), "f32")
    edges = []
    for axis, size in ((1, width), (2, height)):
        there = ops.reduce_max(bright, np.array([axis]), keep_dims=False)  # (1, size) of 0 and 1
        index = np.arange(size, dtype=np.float32).reshape(1, size)
        nearest = ops.add(index, ops.multiply(ops.subtract(np.float32(1), there), np.float32(1e4)))
        first = ops.reduce_min(nearest, np.array([1]), keep_dims=True)
        last = ops.reduce_max(ops.multiply(index + 1, there), np.array([1]), keep_dims=True)
        edges += [ops.divide(edge, np.float32(size)) for edge in (first, last)]
    found = ops.reduce_max(bright, np.array([1, 2]), keep_dims=False)
    confidence = ops.reshape(ops.multiply(found, np.float32(0.9)), np.array([1, 1]), special_zero=False)
    x1, x2, y1, y2 = edges
    row = ops.concat([x1, y1, x2, y2, confidence, np.zeros((1, 1), np.float32)], 1)
    table = ops.reshape(ops.minimum(row, np.float32(1)), np.array([1, 1, 6]), special_zero=False)
    return _save(folder, table, image, "f32", "boxes", name)


def _convolve(random: np.random.Generator, tensor: Any, given: int, made: int, stride: int) -> Any:
    from openvino import opset13 as ops

    weights = random.normal(0, (2 / (9 * given)) ** 0.5, (made, given, 3, 3)).astype(np.float32)
    return ops.convolution(tensor, weights, [stride] * 2, [1, 1], [1, 1], [1, 1])


def _save(folder: Path, table: Any, image: Any, precision: str, family: str = "yolo", name: str = "random") -> Path:
    import openvino
    from openvino import opset13 as ops

    folder.mkdir(parents=True, exist_ok=True)
    model = openvino.Model([ops.result(table)], [image], name)
    openvino.save_model(model, folder / f"{name}.xml", compress_to_fp16=False)
    (folder / f"{name}.yaml").write_text(
        f"family: {family}\nlabels: [person, bicycle]\nlicence: Apache-2.0\nprecision: {precision}\n"
    )
    return folder / f"{name}.xml"
