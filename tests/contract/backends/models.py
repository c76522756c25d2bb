"""Small real models made on the spot, so that the contract is tested without anybody's files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from backends.artifact import Artifact, InputSpec

HEIGHT, WIDTH = 64, 96


def boxes_model(folder: Path, *, busy: int = 0) -> Artifact:
    """A model whose box is the mean colour of the image: x1 is red / 255, y1 green / 255, confidence blue / 255.

    The output is (1, 1, 6).

    So a test knows what must come out of which image. x2 = y2 = 1, class 0. busy: how many convolutions of 64
    channels run besides, to make it slow.
    """
    import openvino as ov
    from openvino import opset13 as ops

    image = ops.parameter([1, 3, HEIGHT, WIDTH], np.float32, name="image")
    mean = ops.reduce_mean(image, np.array([2, 3]))  # (1, 3)
    if busy:
        weights = np.full((64, 3, 3, 3), 1e-3, np.float32)
        chain = ops.convolution(image, weights, [1, 1], [1, 1], [1, 1], [1, 1])
        for _ in range(busy):
            chain = ops.relu(
                ops.convolution(chain, np.full((64, 64, 3, 3), 1e-4, np.float32), [1, 1], [1, 1], [1, 1], [1, 1])
            )
        # Adds nothing (times zero), but the result depends on it, so it cannot be left out.
        noise = ops.multiply(ops.reduce_mean(chain, np.array([1, 2, 3])), np.float32(0))
        mean = ops.add(mean, ops.unsqueeze(noise, 1))
    red, green, blue = (ops.slice(mean, [i], [i + 1], [1], [1]) for i in range(3))
    one, zero = ops.constant(np.ones((1, 1), np.float32)), ops.constant(np.zeros((1, 1), np.float32))
    row = ops.concat([red, green, one, one, blue, zero], 1)
    model = ov.Model([ops.result(ops.unsqueeze(row, 1))], [image], "boxes")
    path = folder / "model.xml"
    ov.save_model(model, path, compress_to_fp16=False)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    spec = InputSpec(HEIGHT, WIDTH, "NCHW", "float32", std=(255.0, 255.0, 255.0), resize="stretch")
    content = hashlib.sha256(path.read_bytes() + path.with_suffix(".bin").read_bytes()).hexdigest()
    return Artifact("boxes", path, "openvino", digest, "boxes", spec, ("thing",), precision="f32", content=content)
