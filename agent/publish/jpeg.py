"""Pictures for subscribers: JPEG of at most so many kilobytes. On the outbox's thread, never on a hot one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What a snapshot is made of. image: uint8 (h, w, 3) RGB, nobody writes to it any more. box: 0..1 of `image`.

    draw: whether the box is drawn in. max_kb: the largest JPEG wanted, in units of 1000 bytes.
    """

    image: NDArray[np.uint8]
    box: tuple[float, float, float, float] | None = None
    draw: bool = False
    max_kb: int = 100


def encode(picture: Picture) -> bytes:
    """Raises ValueError for what is no picture, or when nothing legible fits into `max_kb`."""
    raise NotImplementedError
