"""What other threads want of a camera's lane: asked for at any time, done on the dispatch thread."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.dispatch.cut import whole_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from agent.capture.frame import Frame
    from agent.perception.facts import Polygon
    from agent.perception.settings import Settings

    View = NDArray[np.uint8]

MOST = 8
"""Views that may be waited for."""
FRESH_S = 0.5
"""A frame that waits in the mailbox for longer is not what the camera sees now."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What of a lane may change while it runs; as of `Lane` and `Scene.change`.

    crop: None without snapshots. resting: the camera is switched off.
    """

    settings: Settings
    totals: Mapping[str, Mapping[int | None, tuple[int, int, float]]]
    fps: float
    floor: float
    weight: float
    private: tuple[Polygon, ...]
    crop: bool | None
    resting: bool = False


class LaneRequests:
    """`tune` and `look` may be called from any thread; the rest belongs to the dispatch thread."""

    def __init__(self) -> None:
        self._tuning: deque[Tuning] = deque(maxlen=1)
        self._views: deque[Future[View]] = deque()

    def tune(self, tuning: Tuning) -> None:
        """Takes effect on the next turn of the dispatch thread; the last of several wins."""
        self._tuning.append(tuning)

    def look(self) -> Future[View] | None:
        """The next frame as a whole: uint8 (h, w, 3) RGB, what is private black. None when too many wait already."""
        if len(self._views) >= MOST:
            return None
        view: Future[View] = Future()
        self._views.append(view)
        return view

    @property
    def looking(self) -> bool:
        return bool(self._views)

    def tuning(self) -> Tuning | None:
        """The last that was asked for since the last call."""
        return self._tuning.pop() if self._tuning else None

    def show(self, frame: Frame, private: Sequence[Polygon]) -> None:
        """Fulfils all who wait for a view. The frame's picture is only read, and only during the call."""
        if not self._views or time.monotonic() - frame.monotonic > FRESH_S:
            return
        try:
            view, error = whole_view(frame, private), None
        except Exception as e:  # noqa: BLE001 - a picture nobody thought of costs this view, not the watch
            view, error = None, e
        while self._views:
            waiting = self._views.popleft()
            if not waiting.set_running_or_notify_cancel():
                continue
            if view is None:
                waiting.set_exception(error)
            else:
                waiting.set_result(view)
