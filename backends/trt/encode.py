"""From one RGB image to the network's input tensor, in one pass and straight into the buffer that the GPU reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.contract import ArtifactError
from backends.pixels import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from backends.artifact import InputSpec

    Encoder = Callable[[NDArray[np.uint8]], None]


def encoder(spec: InputSpec, tensor: NDArray[Any]) -> Encoder:
    """A function that writes what `backends.pixels` says into `tensor`; its argument is uint8 (height, width, 3) RGB.

    tensor: (1, 3, height, width) or (1, height, width, 3) as `spec.layout` says, of the engine's own type: float32,
    float16, uint8, int8. Every element is written once, so that uncached memory is never read.
    Raises ArtifactError for another shape or type.
    """
    shape = (1, 3, spec.height, spec.width) if spec.layout == "NCHW" else (1, spec.height, spec.width, 3)
    if tensor.shape != shape:
        raise ArtifactError(f"the engine's input is {tensor.shape}, the model's sidecar or metadata says {shape}")
    if tensor.dtype not in (np.float32, np.float16, np.uint8, np.int8):
        raise ArtifactError(f"the engine's input is {tensor.dtype}; an image can be made float32, float16, uint8, int8")
    # As the network stores it, seen as (height, width, channel in RGB order).
    target = tensor[0].transpose(1, 2, 0) if spec.layout == "NCHW" else tensor[0]
    if spec.color == "BGR":
        target = target[:, :, ::-1]
    # mean and std come in the model's own channel order, the image in RGB.
    channels = (2, 1, 0) if spec.color == "BGR" else (0, 1, 2)
    stored = table(spec, tensor.dtype.name)
    return _looked_up(target, [stored[c] for c in channels])


def _looked_up(target: NDArray[Any], tables: list[NDArray[Any]]) -> Encoder:
    def write(image: NDArray[np.uint8]) -> None:
        for channel, stored in enumerate(tables):
            # mode: without one NumPy checks every index, and buffers the result; a byte is always within 0..255.
            np.take(stored, image[:, :, channel], out=target[:, :, channel], mode="clip")

    return write
