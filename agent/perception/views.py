"""Which view of a track is worth a picture: sure, large, and not cut by the picture's edge."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.perception.facts import Box

EDGE = 0.004
"""How near to the picture's edge a box counts as cut by it, in 0..1."""
_CUT = 0.5
BETTER = 1.15
"""How much better a view must be than the best so far: each one costs a copy of pixels."""


def score(box: Box, confidence: float) -> float:
    """Higher is better. Sharpness is judged by who has the pixels."""
    x1, y1, x2, y2 = box
    size = math.sqrt(max(0.0, (x2 - x1) * (y2 - y1)))
    return confidence * size * (_CUT if at_edge(box) else 1.0)


def at_edge(box: Box) -> bool:
    x1, y1, x2, y2 = box
    return x1 <= EDGE or y1 <= EDGE or x2 >= 1 - EDGE or y2 >= 1 - EDGE
