"""What other threads want of a camera's lane: asked for at any time, done on the dispatch thread."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from agent.dispatch.cut import whole_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from agent.capture.frame import Frame
    from agent.perception.facts import Polygon
    from agent.perception.settings import LabelRule

    View = NDArray[np.uint8]
    Tuning = tuple[Mapping[int, LabelRule], float]

MOST = 8
"""Views that may be waited for."""
FRESH_S = 0.5
"""A frame that waits in the mailbox for longer is not what the camera sees now."""


class Wishes:
    """`tune` and `look` may be called from any thread; the rest belongs to the dispatch thread."""

    def __init__(self) -> None:
        self._tuning: deque[Tuning] = deque(maxlen=1)
        self._views: deque[Future[View]] = deque()

    def tune(self, rules: Mapping[int, LabelRule], floor: float) -> None:
        """Other rules for the labels, and the score from which the engine has to tell of anything."""
        self._tuning.append((rules, floor))

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
