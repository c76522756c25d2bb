"""Where something moves, from a few samples of the Y plane: small, strided, no colour, nothing full-size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from agent.capture.backdrop import LIT, Backdrop
from agent.capture.boxes import MOST, joined
from agent.capture.frame import Motion
from agent.capture.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.capture.boxes import Box
    from agent.capture.grid import Point

CELL = 4
"""Samples per side of the cells in which those that changed are counted and joined."""
FEWEST = 5
"""Samples that must have changed in one place."""
GAPS = (0, 1, 2, 4, 8)
"""Cells between two places that are still one, tried in turn until there are few enough."""
SQUARES = {gap: np.ones((2 * gap + 1, 2 * gap + 1), np.uint8) for gap in GAPS}
LEAST = (FEWEST - 0.5) * 255 / CELL**2
"""Mean of a cell's samples (0 or 255), summed over it and those around it, from which on it counts."""
TICK = 0.4
"""Seconds between two steps of the backdrop."""
GAP = 1.0
"""Seconds that one step stands for at most: what was not seen teaches nothing."""
SPARED = (0.06, 0.09)
"""Seconds since a look within which the first, the second picture after it is not looked at: of 25 or 30 a second each
third one is, of less than 17 each. Never more in a row, since a clock may stand still."""
SETTLING = 0.5
"""Seconds without a sudden change after which the picture's parts tell something again."""
WHOLE, STIR, OTHER = 0.5, 0.1, 0.25
"""Shares of the picture: changed as a whole; still changing; changed for good."""


class MotionWatch:
    """Of one camera; keeps its backdrop and working buffers between pictures. Not for use by two threads.

    rotate: degrees clockwise by which the picture is still to be turned. masks: polygons in 0..1 of the rotated
    picture, where nothing that moves counts.
    """

    def __init__(self, rotate: int = 0, masks: Sequence[Sequence[Point]] = ()) -> None:
        self._rotate = rotate
        self._masks = masks
        self._shape: tuple[int, ...] = ()
        self._comparison: _Comparison | None = None
        self._looked = 0.0
        self._told = Motion(unsettled=True)
        self._spared = 0  # pictures in a row

    def look(self, y: NDArray[np.uint8], time: float) -> Motion:
        """What has changed against the backdrop.

        y: uint8 (height, width), any strides. time: the camera's media time, seconds; one that stands still or goes
        back teaches the backdrop nothing. After the start and after a change of size nothing is told for a moment
        (`unsettled`), until it is known how much the picture flickers. Pictures that come soon after one that was
        looked at are not (SPARED): the same is told of them.
        """
        if self._comparison is None or y.shape != self._shape:
            self._shape, self._told, self._spared = y.shape, Motion(unsettled=True), 0
            grid = Grid.of(y.shape[1], y.shape[0], self._rotate)
            self._comparison = _Comparison(grid, y, time, self._masks)
            return self._told
        if self._is_spared(time - self._looked):
            self._spared += 1
            return self._told
        self._told, self._looked, self._spared = self._comparison.look(y, time), time, 0
        return self._told

    def _is_spared(self, since: float) -> bool:
        """Whether the picture that comes `since` seconds after the last look is not looked at."""
        return not self._told.unsettled and self._spared < len(SPARED) and since < SPARED[self._spared]


class _Comparison:
    """Of pictures of one size with their backdrop, from the first one on."""

    def __init__(self, grid: Grid, y: NDArray[np.uint8], time: float, masks: Sequence[Sequence[Point]]) -> None:
        self._grid = grid
        self._raw = grid.view(y).copy()
        self._small = cv2.blur(self._raw, (3, 3)).reshape(self._raw.shape).astype(np.uint8, copy=False)
        self._before = self._small.copy()
        rows, columns = self._raw.shape
        self._cells = (-(-rows // CELL), -(-columns // CELL))
        self._hits = np.zeros((self._cells[0] * CELL, self._cells[1] * CELL), np.uint8)
        self._changed = self._hits[:rows, :columns]
        self._backdrop = Backdrop(self._small, grid.allowed(rows, columns, masks))
        self._ticked = self._stirred = time
        self._unsettled = True

    def look(self, y: NDArray[np.uint8], time: float) -> Motion:
        backdrop, small = self._backdrop, self._small
        np.copyto(self._raw, self._grid.view(y))
        cv2.blur(self._raw, (3, 3), dst=small)
        if time < self._ticked:
            self._ticked = self._stirred = time
        n = backdrop.changed(small, self._changed)
        if not self._unsettled and LIT * backdrop.share < n <= WHOLE * backdrop.share:
            n = backdrop.explained_by_light(small, self._changed, n)
        before, self._unsettled = self._unsettled, self._is_unsettled(n, time)
        if time - self._ticked >= TICK:
            backdrop.follow(small, min(time - self._ticked, GAP), adopt=not self._unsettled)
            self._ticked = time
        if before or self._unsettled:
            self._small, self._before = self._before, self._small
            return Motion(unsettled=True)
        return Motion(self._boxes()) if n >= FEWEST else Motion()

    def _is_unsettled(self, n: int, time: float) -> bool:
        """Whether the picture as a whole changes, or has until a moment ago. n: samples that are not the backdrop."""
        backdrop = self._backdrop
        if not self._unsettled:
            if n <= WHOLE * backdrop.share:
                return False
            self._stirred = time
        elif backdrop.stirred(self._small, self._before) > STIR * backdrop.share:
            self._stirred = time
        elif backdrop.measured and time - self._stirred >= SETTLING:
            if n > OTHER * backdrop.share:  # else it was a flash, and what it lit is as it was
                backdrop.restart(self._small)
            return False
        return True

    def _boxes(self) -> tuple[Box, ...]:
        """Around what has changed: cells that touch are one, with ever larger gaps until there are few boxes."""
        rows, columns = self._cells
        half = cv2.resize(self._hits, (2 * columns, 2 * rows), interpolation=cv2.INTER_AREA)
        share = cv2.resize(half, (columns, rows), interpolation=cv2.INTER_AREA)  # by two is what is fast
        around = cv2.boxFilter(share, cv2.CV_16U, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
        share[around < LEAST] = 0
        for gap in GAPS:
            near = share
            if gap:
                near = cv2.copyMakeBorder(share, gap, gap, gap, gap, cv2.BORDER_CONSTANT, value=0)
                near = cv2.dilate(near, SQUARES[gap])
            n, _, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8, ltype=cv2.CV_16U)
            if n <= MOST + 1:  # the first is what has not changed
                break
        # A component has grown by `gap` on each side, and the border has shifted it by as much.
        wide = 2 * gap
        return joined(
            self._grid.box(x * CELL, y * CELL, (x + w - wide) * CELL, (y + h - wide) * CELL)
            for x, y, w, h, _ in stats[1:].tolist()
        )
