"""Keeps the machine from being slowed down by its own heat, and tells how its board is."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from agent.runtime.board.reading import Board, Thermometer, read
from agent.runtime.faults import DEVICE
from agent.runtime.governor import Governor
from agent.runtime.raised import Fault, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.runtime.faults import Faults
    from agent.runtime.view import View

log = logging.getLogger("vedette.health")

LOOK_S = 10.0
"""Between two looks at all that the board says; at its heat, each second."""
_ROOT = Path("/")
LEAST_USUAL = 1.0
"""Inferences a second that a camera counts as having, at least, where nothing has moved before it got hot."""


class Heat:
    """For the main thread; `board` may be read on any. root: where /sys and /proc are."""

    def __init__(self, root: Path = _ROOT) -> None:
        self.board = Board()
        self._root = root
        self._thermometer = Thermometer(root)
        self._governor = Governor()
        self._looked = float("-inf")
        self._usual: dict[str, float] = {}

    def turn(self, now: float, views: Iterable[View]) -> Faults:
        """About once a second: lowers or raises the rate of live cameras. now: time.monotonic()."""
        if now - self._looked >= LOOK_S:
            self._looked, self.board = now, read(self._root)
        heat = self._thermometer.heat()
        celsius, limit = (None, None) if heat is None else (heat.celsius, heat.limit)
        change = self._governor.step(now, celsius, limit, self._thermometer.throttled())
        if change is not None:
            log.log(logging.WARNING if change.factor < 1 else logging.INFO, "%s", change.text)
        for view in views:
            view.lane.cap = self._cap(view)
        return self._faults()

    def _cap(self, view: View) -> float:
        """Inferences a second, 0 for no cap.

        Of a camera that is looked at as often as it can be, the highest rate counts that it had while the board was
        cool: what it has now may be little because nothing moves. One that was never seen so may have all its frames.
        """
        lane, factor = view.lane, self._governor.factor
        if not lane.live:
            return 0.0
        frames, inferred = view.rates()
        if factor == 1:
            self._usual[lane.camera] = max(self._usual.get(lane.camera, 0.0), inferred)
            return 0.0
        return factor * (lane.fps or max(self._usual.get(lane.camera) or frames, LEAST_USUAL))

    def _faults(self) -> Faults:
        faults = {}
        if self._governor.lowered:
            hint = "give it better cooling, or its cameras a lower fps"
            faults[Subject("thermal", DEVICE)] = Fault("warning", self._governor.lowered, hint)
        if self.board.undervoltage:
            hint = "use the board's official supply, and a short cable"
            faults[Subject("undervoltage", DEVICE)] = Fault("error", "the board's supply is too weak", hint)
        return faults
