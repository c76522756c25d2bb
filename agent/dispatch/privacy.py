"""What nobody may see is black before anybody looks: painted on the small picture, never on the decoder's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.perception.facts import Box, Polygon


def black_out(image: NDArray[np.uint8], private: Sequence[Polygon], crop: Box, enlarged: float) -> None:
    """Paints the polygons, in 0..1 of the whole rotated picture, on `image`, which shows its `crop`.

    image: uint8 (h, w, 3). enlarged: pixels of `image` per pixel of the picture. A rim is painted as well, so that
    nothing of what is private is left in what resizing (one neighbour away) and chroma (in pairs) have mixed in: three
    pixels of the picture each way, and one of the image for rounding; diagonally so, as lines have round ends.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = crop
    scale = np.array([width / (x2 - x1), height / (y2 - y1)])
    rim = math.ceil(math.sqrt(2) * (3 * enlarged + 1))
    for polygon in private:
        points = np.round((np.array(polygon) - (x1, y1)) * scale - 0.5).astype(np.int32)
        cv2.fillPoly(image, [points], (0, 0, 0))
        cv2.polylines(image, [points], isClosed=True, color=(0, 0, 0), thickness=2 * rim + 1)
