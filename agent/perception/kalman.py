"""A Kalman filter for many boxes at once: constant velocity, each coordinate by itself, in real seconds.

Centre, width and height are independent of each other, so that each has a 2x2 covariance and no matrix is inverted.
All noise is in shares of the box's own width (for x) and height (for y): far and near objects move alike in them, and
the picture's aspect does not matter. Formulas: https://en.wikipedia.org/wiki/Kalman_filter with the white-noise
acceleration model of Bar-Shalom, Li, Kirubarajan, "Estimation with Applications to Tracking and Navigation" (2001).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HORIZON = 1.0
"""Seconds without a match for which a box is believed to go on as it went; then it stays where it is."""
_MEASURED = 0.1
"""Standard deviation of a detector's box: one with an IoU of 0.7 is off by about so much."""
_PUSH = np.array([0.5, 0.25, 0.125, 0.0625])
"""By how much speed changes in a second, in own sizes: a person is narrower than tall, and grows slowly if at all."""
_START = np.array([3.0, 1.0, 0.5, 0.25])
"""Standard deviation of the speed of what has just appeared, in its own sizes a second."""


class Boxes:
    """n boxes and what is known of their motion. State arrays are float64 (n, 4): centre x, y, width, height."""

    def __init__(self) -> None:
        self.at = np.empty((0, 4))
        self.speed = np.empty((0, 4))
        self._unmatched = np.empty(0)
        self._vp = np.empty((0, 4))  # variance of the position
        self._vc = np.empty((0, 4))  # covariance of position and speed
        self._vs = np.empty((0, 4))  # variance of the speed

    def __len__(self) -> int:
        return len(self.at)

    def add(self, xyxy: NDArray[np.float64]) -> None:
        """New boxes, (m, 4), at the end."""
        at = centred(xyxy)
        size = _sizes(at)
        self.at = np.concatenate([self.at, at])
        self.speed = np.concatenate([self.speed, np.zeros_like(at)])
        self._unmatched = np.concatenate([self._unmatched, np.zeros(len(at))])
        self._vp = np.concatenate([self._vp, (2 * _MEASURED * size) ** 2])
        self._vc = np.concatenate([self._vc, np.zeros_like(at)])
        self._vs = np.concatenate([self._vs, (_START * size) ** 2])

    def keep(self, rows: NDArray[np.bool_]) -> None:
        for name in ("at", "speed", "_unmatched", "_vp", "_vc", "_vs"):
            setattr(self, name, getattr(self, name)[rows])

    def ahead(self, seconds: float) -> NDArray[np.float64]:
        """Where they are believed to be in so many seconds: (n, 4) x1, y1, x2, y2. Nothing is changed."""
        left = np.clip(HORIZON - self._unmatched, 0, seconds)
        return cornered(self.at + self.speed * left[:, None])

    @property
    def xyxy(self) -> NDArray[np.float64]:
        """(n, 4): where they are believed to be now."""
        return cornered(self.at)

    def advance(self, seconds: float) -> None:
        """Lets time pass for all."""
        if seconds <= 0:
            return
        left = np.clip(HORIZON - self._unmatched, 0, seconds)[:, None]
        noise = (_PUSH * _sizes(self.at)) ** 2
        self.at = self.at + self.speed * left
        self.at[:, 2:] = np.maximum(self.at[:, 2:], 1e-6)
        t = min(seconds, HORIZON)
        self._vp = self._vp + 2 * left * self._vc + left**2 * self._vs + noise * (t**3 / 3)
        self._vc = self._vc + left * self._vs + noise * (t**2 / 2)
        self._vs = self._vs + noise * t
        self._unmatched = self._unmatched + seconds

    def correct(self, rows: NDArray[np.intp], xyxy: NDArray[np.float64]) -> None:
        """What was seen of some of them, (m, 4)."""
        seen = centred(xyxy)
        vp, vc = self._vp[rows], self._vc[rows]
        total = vp + (_MEASURED * _sizes(seen)) ** 2
        gain, gain_speed = vp / total, vc / total
        off = seen - self.at[rows]
        self.at[rows] += gain * off
        self.speed[rows] += gain_speed * off
        self._vs[rows] -= gain_speed * vc
        self._vc[rows] = (1 - gain) * vc
        self._vp[rows] = (1 - gain) * vp
        self._unmatched[rows] = 0.0


def centred(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4) corners to centre x, y, width, height."""
    at = np.empty_like(xyxy)
    np.maximum(xyxy[:, 2:] - xyxy[:, :2], 1e-6, out=at[:, 2:])
    np.add(xyxy[:, :2], xyxy[:, 2:], out=at[:, :2])
    at[:, :2] *= 0.5
    return at


def cornered(at: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4) centre x, y, width, height to corners."""
    half = np.maximum(at[:, 2:], 1e-6) * 0.5
    xyxy = np.empty_like(at)
    np.subtract(at[:, :2], half, out=xyxy[:, :2])
    np.add(at[:, :2], half, out=xyxy[:, 2:])
    return xyxy


def _sizes(at: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4): width, height, width, height: what the noise of each coordinate is measured by."""
    return at[:, [2, 3, 2, 3]]
