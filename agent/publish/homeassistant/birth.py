"""When Home Assistant says that it is there, everything is announced to it again. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_S = 5.0
"""Home Assistant asks for a random delay, so that not all devices answer at once."""


class Birth:
    """`heard` may be called on any thread, `due` belongs to one. draw: from 0 to 1, at random."""

    def __init__(self, topic: str, draw: Callable[[], float]) -> None:
        self.topic = topic
        self._draw = draw
        self._at: float | None = None

    def heard(self, topic: str, payload: bytes, now: float) -> None:
        """A message; any but the birth is ignored, and so is one while an answer is due already."""
        if topic == self.topic and payload == b"online" and self._at is None:
            self._at = now + LONGEST_S * self._draw()

    def due(self, now: float) -> bool:
        """Whether to announce now; True once for each birth."""
        if self._at is None or now < self._at:
            return False
        self._at = None
        return True
