"""The best view of each of a camera's tracks so far, as pixels. Bounded in number and in bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.dispatch.cut import crop_view, sharpness, whole_view
from agent.dispatch.result import Pixels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from agent.capture.frame import Frame
    from agent.perception.facts import Happening, Polygon, View

MOST = 16
MOST_BYTES = 8 << 20
SHOWN = frozenset({"track.started", "track.updated", "track.ended"})
"""The happenings that come with a picture."""


@dataclass(frozen=True, slots=True)
class _Held:
    value: float
    pixels: Pixels


class Gallery:
    """crop: keep the object with some room around it, else the whole picture. private: polygons that become black."""

    def __init__(self, *, crop: bool, private: Sequence[Polygon] = (), most_bytes: int = MOST_BYTES) -> None:
        self.crop = crop
        self._private = tuple(private)
        self._most_bytes = most_bytes
        self._held: dict[int, _Held] = {}  # the one improved last comes last

    def look(self, frame: Frame, views: Iterable[View]) -> None:
        """Copies views that are better than those kept. The frame's picture is only read, and only during the call."""
        whole: NDArray[np.uint8] | None = None
        for view in views:
            held = self._held.get(view.track_id)
            if held is not None and view.score <= held.value:  # not even if it were perfectly sharp
                continue
            value = view.score * sharpness(frame, view.box)
            if held is not None and value <= held.value:
                continue
            if self.crop:
                pixels = crop_view(frame, view.box, self._private)
            else:
                whole = whole_view(frame, self._private) if whole is None else whole
                pixels = Pixels(whole, view.box, whole=True)
            self._held.pop(view.track_id, None)
            self._held[view.track_id] = _Held(value, pixels)
        self._evict()

    def pictures(self, happenings: Iterable[Happening]) -> dict[int, Pixels]:
        """By track id, for what happened to them. A track that has ended is forgotten."""
        found: dict[int, Pixels] = {}
        for happening in happenings:
            if happening.kind not in SHOWN:
                continue
            track = happening.track.track_id
            ended = happening.kind == "track.ended"
            held = self._held.pop(track, None) if ended else self._held.get(track)
            if held is not None:
                found[track] = held.pixels
        return found

    def bytes(self) -> int:
        """Whole views of one frame are one."""
        images = {id(held.pixels.image): held.pixels.image.nbytes for held in self._held.values()}
        return sum(images.values())

    def __len__(self) -> int:
        return len(self._held)

    def _evict(self) -> None:
        """Those that have not improved for longest go first: what they had to show has been told."""
        while len(self._held) > MOST or (self.bytes() > self._most_bytes and len(self._held) > 1):
            del self._held[next(iter(self._held))]
