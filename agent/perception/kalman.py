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
_PUSH = np.array([1.0, 0.5, 0.25, 0.125])
"""By how much speed changes in a second, in own sizes: a person is narrower than tall, and grows slowly if at all."""
_START = np.array([3.0, 1.0, 0.5, 0.25])
"""Standard deviation of the speed of what has just appeared, in its own sizes a second."""


class Boxes:
    """n boxes and what is known of their motion. `at` is float64 (n, 4): centre x, y, width, height."""

    def __init__(self) -> None:
        # One array, so that rows are taken out and put back in one step: place, speed, variance of the place,
        # covariance of place and speed, variance of the speed.
        self._state = np.empty((5, 0, 4))
        self._unmatched = np.empty(0)

    def __len__(self) -> int:
        return len(self._unmatched)

    @property
    def at(self) -> NDArray[np.float64]:
        at: NDArray[np.float64] = self._state[0]
        return at

    def add(self, xyxy: NDArray[np.float64]) -> None:
        """New boxes, (m, 4), at the end."""
        at = centred(xyxy)
        size, zero = _sizes(at), np.zeros_like(at)
        new = np.stack([at, zero, (2 * _MEASURED * size) ** 2, zero, (_START * size) ** 2])
        self._state = np.concatenate([self._state, new], 1)
        self._unmatched = np.concatenate([self._unmatched, np.zeros(len(at))])

    def keep(self, rows: NDArray[np.bool_]) -> None:
        self._state, self._unmatched = self._state[:, rows], self._unmatched[rows]

    def ahead(self, seconds: float) -> NDArray[np.float64]:
        """Where they are believed to be in so many seconds: (n, 4) x1, y1, x2, y2. Nothing is changed."""
        left = np.clip(HORIZON - self._unmatched, 0, seconds)
        at, speed, *_ = self._state
        return cornered(at + speed * left[:, None])

    @property
    def xyxy(self) -> NDArray[np.float64]:
        """(n, 4): where they are believed to be now."""
        return cornered(self.at)

    def advance(self, seconds: float) -> None:
        """Lets time pass for all."""
        if seconds <= 0:
            return
        at, speed, vp, vc, vs = self._state
        left = np.minimum(np.maximum(HORIZON - self._unmatched, 0), seconds)[:, None]
        noise = _PUSH * _sizes(at)
        noise *= noise
        t = min(seconds, HORIZON)
        at += speed * left
        np.maximum(at[:, 2:], 1e-6, out=at[:, 2:])
        faster = left * vs
        vp += left * (2 * vc + faster) + noise * (t**3 / 3)
        vc += faster + noise * (t**2 / 2)
        vs += noise * t
        self._unmatched += seconds

    def correct(self, rows: NDArray[np.intp], xyxy: NDArray[np.float64]) -> None:
        """What was seen of some of them, (m, 4)."""
        seen = centred(xyxy)
        state = self._state[:, rows]
        at, _, vp, vc, vs = state
        error = _MEASURED * _sizes(seen)
        gain, gain_speed = state[2:4] / (vp + error * error)
        off = seen - at
        vs -= gain_speed * vc
        state[2:4] *= 1 - gain
        state[0] += gain * off
        state[1] += gain_speed * off
        self._state[:, rows] = state
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
