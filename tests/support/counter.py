"""A frame counter burned into the picture: it survives any codec, and tells how old a decoded picture is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 16
COLUMNS = 12
VALUE_BITS = 20
WIDTH, HEIGHT = COLUMNS * BLOCK, 2 * BLOCK
"""The top left corner the counter covers; a picture must be at least as large."""


def _bits(value: int) -> list[int]:
    bits = [1, 0] + [value >> bit & 1 for bit in range(VALUE_BITS)]
    ones = sum(bits)
    return [*bits, ones & 1, ones >> 1 & 1]


def burn_counter(y: NDArray[np.uint8], value: int) -> None:
    """Draws `value` modulo 2**20 as black and white blocks of 16 px into the luma plane, in place."""
    for place, bit in enumerate(_bits(value % (1 << VALUE_BITS))):
        row, column = divmod(place, COLUMNS)
        y[row * BLOCK : (row + 1) * BLOCK, column * BLOCK : (column + 1) * BLOCK] = 225 if bit else 25


def read_counter(y: NDArray[np.uint8]) -> int | None:
    """The counter in a luma plane, None where there is none or it is damaged."""
    inner = BLOCK // 4
    blocks = y[:HEIGHT, :WIDTH].reshape(2, BLOCK, COLUMNS, BLOCK)[:, inner:-inner, :, inner:-inner]
    bits = [int(bit) for bit in (blocks.mean(axis=(1, 3)) > 125).ravel()]
    value = sum(bit << place for place, bit in enumerate(bits[2 : 2 + VALUE_BITS]))
    return value if bits == _bits(value) else None
