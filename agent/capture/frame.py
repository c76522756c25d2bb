"""A frame: the decoder's own YUV picture, and when it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Picture:
    """One YUV picture as the decoder left it: views on its planes, nothing copied.

    y: uint8 (height, width). u, v: uint8, any subsampling (their shape tells). NV12's interleaved plane is `uv`
    (height/2, width/2, 2) and u, v are None then. Rows may be padded (strides larger than the width).
    full_range: luma and chroma use 0..255 (JPEG) instead of 16..235 and 16..240.
    owner: what keeps the memory of the views alive. bt709: the stream says that its colours are coded so, else BT.601.
    """

    y: NDArray[np.uint8]
    u: NDArray[np.uint8] | None
    v: NDArray[np.uint8] | None
    uv: NDArray[np.uint8] | None
    full_range: bool
    owner: object
    bt709: bool = False


@dataclass(frozen=True, slots=True)
class Motion:
    """boxes: x1, y1, x2, y2 in 0..1 of the whole (rotated) picture, where something has moved.

    unsettled: the picture as a whole has changed (light, a moved camera), so that its parts tell nothing for now.
    """

    boxes: tuple[tuple[float, float, float, float], ...] = ()
    unsettled: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame of one camera.

    index: counts the camera's decoded frames from 0 over the daemon's life, on over loops and reconnects.
    rotate: 0, 90, 180 or 270 degrees clockwise, still to be applied; width and height are those of the rotated picture.
    captured_at: wall clock, seconds since the epoch; monotonic: the same instant on time.monotonic().
    media_time: the camera's own monotonic time in seconds; goes on over loops and reconnects.
    motion: what has moved since the last frame that was taken; None where nobody watches for it.
    """

    camera: str
    index: int
    picture: Picture
    width: int
    height: int
    rotate: int
    captured_at: float
    monotonic: float
    media_time: float
    motion: Motion | None = None
