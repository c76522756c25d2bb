"""What a pixel becomes in a model's input tensor: one meaning of mean, std and quantisation for all engines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backends.artifact import InputSpec

PIXELS = np.arange(256)


def table(spec: InputSpec, dtype: str, scale: float = 0.0, zero_point: int = 0) -> NDArray[Any]:
    """What each pixel value becomes, (3, 256) of `dtype`, by the model's channel.

    A float tensor holds real = (pixel - mean) / std. An integer one holds round(real / scale) + zero_point, halves
    away from zero and clamped, as TFLite quantises (reference_ops::AffineQuantize); scale 0, which is unknown, counts
    as 1. With mean 0 and std 1 it covers the range of the pixels (see `InputSpec`): uint8 stores the pixel and int8 the
    pixel - 128.
    """
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return _real(spec).astype(kind)
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    if not any(spec.mean) and set(spec.std) == {1.0}:
        return np.tile((PIXELS + low).astype(kind), (3, 1))
    steps = _real(spec).astype(np.float32) / np.float32(scale or 1.0)
    rounded = np.trunc(steps + np.copysign(np.float32(0.5), steps)) + zero_point
    stored: NDArray[Any] = np.clip(rounded, low, high).astype(kind)
    return stored


def _real(spec: InputSpec) -> NDArray[np.float64]:
    mean, std = np.array(spec.mean, np.float64), np.array(spec.std, np.float64)
    real: NDArray[np.float64] = (PIXELS[None] - mean[:, None]) / std[:, None]
    return real
