"""One tracked object, as the tracker keeps it and the rest of the scene reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.perception.facts import Box


@dataclass(slots=True, eq=False)
class Track:
    """Seen in at least two looks. Times are media time, seconds.

    id: unique for the device's life. box: where it was last seen, smoothed. confidence: of the last detection.
    hits: looks that saw it. still_since: since when it has stayed where it is, None while it moves.
    """

    id: int
    class_id: int
    box: Box
    confidence: float
    first_time: float
    last_time: float
    hits: int
    still_since: float | None = None
