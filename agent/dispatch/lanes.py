"""The lanes of one dispatcher, which come and go while it runs."""

from __future__ import annotations

import logging
import time
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.dispatch.lane import Lane
    from agent.dispatch.scene_updates import SceneUpdates

log = logging.getLogger("vedette.dispatch")


class _Leaving(NamedTuple):
    """ends: its scene is stopped, too."""

    lane: Lane
    gone: Future[Lane]
    ends: bool


class Lanes:
    """`adopt` and `release` may be called from any thread; the rest belongs to the dispatch thread.

    present: those whose frames are taken. any_live: whether one of them is of a camera.
    """

    def __init__(self, lanes: Sequence[Lane], updates: SceneUpdates) -> None:
        self._updates = updates
        self._asked: deque[Callable[[], None]] = deque()
        self._leaving: list[_Leaving] = []
        self._set(lanes)

    @property
    def moving(self) -> bool:
        """Whether some are about to come or to go."""
        return bool(self._asked or self._leaving)

    def adopt(self, lane: Lane) -> None:
        self._asked.append(lambda: self._set((*self.present, lane)))

    def release(self, lane: Lane, *, ends: bool) -> Future[Lane]:
        """As of `Dispatcher.release`."""
        leaving = _Leaving(lane, Future(), ends)
        self._asked.append(lambda: self._let_go(leaving))
        return leaving.gone

    def turn(self) -> None:
        """Does what was asked for."""
        while self._asked:
            self._asked.popleft()()
        for lane in self.present:
            self._updates.apply_requests(lane)

    def finish_leaving(self, now: float) -> None:
        """Those that leave go, each once its last frame is answered."""
        for leaving in self._leaving[:]:
            lane = leaving.lane
            for job in lane.settled():
                self._updates.answer(lane, job, now)
            if not lane.jobs:
                self._leaving.remove(leaving)
                if leaving.ends:
                    self._updates.stop_scene(lane)
                leaving.gone.set_result(lane)

    def end(self) -> None:
        """What has been answered is told, the rest is dropped; then each scene is stopped."""
        while self._asked:
            self._asked.popleft()()
        for lane in (*self.present, *(leaving.lane for leaving in self._leaving)):
            try:
                for job in lane.settled():
                    self._updates.answer(lane, job, time.monotonic())
                self._updates.stop_scene(lane)
            except Exception:
                log.exception("the scene did not end: this is a bug in Vedette", extra={"CAMERA": lane.camera})
        for leaving in self._leaving:
            leaving.gone.set_result(leaving.lane)

    def _set(self, lanes: Sequence[Lane]) -> None:
        self.present = tuple(lanes)
        self.any_live = any(lane.live for lane in lanes)

    def _let_go(self, leaving: _Leaving) -> None:
        self._set([lane for lane in self.present if lane is not leaving.lane])
        self._leaving.append(leaving)
