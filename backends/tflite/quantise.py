"""One RGB image into the tensor a TFLite model takes, as fast as its numbers allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.pixels import PIXELS, table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backends.artifact import InputSpec

_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (-128.0, 127.0), (-0.5, 0.5))


def unusual(dtype: str, scale: float, zero_point: int) -> bool:
    """Whether an integer tensor's range fits no usual normalisation of pixels, so that mean and std must be stated."""
    if np.dtype(dtype).kind == "f" or not scale:
        return False
    info = np.iinfo(dtype)
    low, high = ((edge - zero_point) * scale for edge in (info.min, info.max))
    return not any(max(abs(low - a), abs(high - b)) <= 0.03 * (b - a) for a, b in _RANGES)


class Encoder:
    """Keeps one buffer: what a call returns is overwritten by the next."""

    def __init__(self, spec: InputSpec, dtype: str, scale: float, zero_point: int) -> None:
        self._bgr = spec.color == "BGR"
        self._nchw = spec.layout == "NCHW"
        self._buffer = np.zeros((1, spec.height, spec.width, 3), dtype)
        self._bgr_pixels = np.zeros((spec.height, spec.width, 3) if self._bgr else 0, np.uint8)
        self._tables = table(spec, dtype, scale, zero_point)
        first = self._tables[0]
        self._same = bool((self._tables == first).all())
        small = self._same and first.itemsize == 1
        stored = first.view(np.uint8) if small else first
        self._identity = small and dtype == "uint8" and bool((stored == PIXELS).all())
        self._flips = small and dtype == "int8" and bool((stored == PIXELS ^ 0x80).all())

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[Any]:
        """(height, width, 3) uint8 RGB to (1, height, width, 3) or, for an NCHW model, (1, 3, height, width)."""
        filled = self._fill(self._swapped(image) if self._bgr else image)
        return filled.transpose(0, 3, 1, 2) if self._nchw else filled

    def _swapped(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        for channel in range(3):  # three times as fast as image[..., ::-1]
            self._bgr_pixels[..., channel] = image[..., 2 - channel]
        return self._bgr_pixels

    def _fill(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        out = self._buffer
        if self._identity:
            return pixels[None]
        if self._flips:
            # Adding 128 modulo 256 is turning the highest bit: eighty times as fast as a wider subtraction.
            np.bitwise_xor(pixels, 0x80, out=out[0].view(np.uint8))
        elif self._same:
            np.take(self._tables[0], pixels, out=out[0], mode="clip")  # the default mode would copy
        else:
            for channel in range(3):
                out[0, ..., channel] = self._tables[channel].take(pixels[..., channel], mode="clip")
        return out
