"""The picture without what moves, and how much each of its places flickers: what a small picture is compared with."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

cv2.setNumThreads(1)  # the cores belong to inference and decode

LIGHT, STANDING, MOVING = 2.0, 2.0, 30.0
"""Seconds (time constants) in which light, what stands still, and what moves become part of the backdrop."""
STANDS = 2.0
"""Seconds without change after which something stands. Sooner, the coat of one who walks slowly would stay behind."""
LONGEST = 50
"""Tenths of a second that are counted at once, at most."""
LEAST, MOST = 7.0, 48.0
"""Grey levels a place must change by: where nothing flickers, and however much it does."""
NOISES = 3.0
"""How many times its usual flicker. With Gaussian noise the 75 % quantile of the change between two pictures is 1.63
standard deviations, so that this is five of them on top of LEAST."""
QUANTILE = 0.75
LEARNING = 1.0
"""Grey levels a second by which the measured flicker moves at most."""
LESSON = 1.0
"""Seconds between two measurements of the flicker, which changes slowly."""
LIT = 0.2
"""Share of the picture up to which, changed, it tells how the light changes for the rest."""
CONTRAST = 8.0
"""Grey levels between the darker and the brighter half from which on a gain can be told from an offset."""
DRIFT = 0.5
"""Grey levels by which all of the picture may be off before that is measured properly."""
COARSE = 6
"""Light is measured on each n-th sample in both directions."""


class Backdrop:
    """Of one size. small: uint8 (height, width), the first picture. allowed: bool of that shape, False where masked."""

    def __init__(self, small: NDArray[np.uint8], allowed: NDArray[np.bool_]) -> None:
        self.share = int(np.count_nonzero(allowed))
        """Samples that are not masked."""
        self._allowed = allowed
        self._coarse = allowed[::COARSE, ::COARSE]
        self._grey = small.astype(np.float32)
        self._flicker: NDArray[np.float32] | None = None
        self._unlearned = 0.0
        self._stood = np.zeros_like(small)
        self._last = small.copy()
        self._shown = small.copy()
        self._least = np.empty_like(small)
        self._difference = np.empty_like(small)
        self._hits = np.empty_like(small)
        self._never = np.where(allowed, 0, 255).astype(np.uint8)
        np.maximum(self._never, np.uint8(LEAST), out=self._least)

    @property
    def measured(self) -> bool:
        """Whether it knows how much the picture flickers."""
        return self._flicker is not None

    def changed(self, small: NDArray[np.uint8], out: NDArray[np.uint8]) -> int:
        """Sets `out` to 255 where `small` is not the backdrop, else 0, and returns in how many places that is."""
        cv2.absdiff(small, self._shown, dst=self._difference)
        cv2.compare(self._difference, self._least, cv2.CMP_GT, dst=out)
        return cv2.countNonZero(out)

    def stirred(self, small: NDArray[np.uint8], before: NDArray[np.uint8]) -> int:
        """In how many places two pictures differ."""
        cv2.absdiff(small, before, dst=self._difference)
        cv2.compare(self._difference, self._least, cv2.CMP_GT, dst=self._hits)
        return cv2.countNonZero(self._hits)

    def restart(self, small: NDArray[np.uint8]) -> None:
        """Takes `small` for the backdrop from now on; what is known of its flicker stays."""
        np.copyto(self._grey, small)
        np.copyto(self._shown, small)

    def follow(self, small: NDArray[np.uint8], seconds: float, *, adopt: bool) -> None:
        """Learns how `small` flickers, and if `adopt`, takes over a little of it.

        seconds: since the last time, of the camera's own clock.
        """
        cv2.absdiff(small, self._last, dst=self._difference)
        still = cv2.compare(self._difference, self._least, cv2.CMP_LE).astype(np.uint8, copy=False)
        self._unlearned += seconds
        if self._flicker is None or self._unlearned >= LESSON:
            self._learn_flicker(self._unlearned)
            self._unlearned = 0.0
        np.copyto(self._last, small)
        if adopt:
            if self.changed(small, self._hits) <= LIT * self.share and self._brighter(small) > DRIFT:
                self._relight(small)
            standing = self._standing(still & self._hits, seconds)
            moving = cv2.subtract(self._hits, standing)
            cv2.bitwise_not(self._hits, dst=self._hits)
            for mask, constant in ((self._hits, LIGHT), (standing, STANDING), (moving, MOVING)):
                cv2.accumulateWeighted(small, self._grey, 1 - exp(-seconds / constant), mask=mask)
            cv2.convertScaleAbs(self._grey, dst=self._shown)

    def _standing(self, still: NDArray[np.uint8], seconds: float) -> NDArray[np.uint8]:
        """What of `still` (0 or 255) has been so for long enough. Kept in tenths of a second."""
        np.minimum(self._stood, 255 - LONGEST, out=self._stood)
        self._stood += min(max(1, round(seconds * 10)), LONGEST)
        self._stood &= still
        return cv2.threshold(self._stood, STANDS * 10 - 1, 255, cv2.THRESH_BINARY)[1].astype(np.uint8, copy=False)

    def explained_by_light(self, small: NDArray[np.uint8], out: NDArray[np.uint8], n: int) -> int:
        """As `changed`, which said `n`, after following the light, if that is what has changed."""
        grey = self._grey.copy()
        self._relight(small)
        left = self.changed(small, out)
        if left < n / 2:
            return left
        np.copyto(self._grey, grey)
        cv2.convertScaleAbs(self._grey, dst=self._shown)
        return self.changed(small, out)

    def _brighter(self, small: NDArray[np.uint8]) -> float:
        """By how many grey levels `small` differs from the backdrop on average: a cheap hint that the light changes."""
        return abs(cv2.mean(small)[0] - cv2.mean(self._shown)[0])

    def _relight(self, small: NDArray[np.uint8]) -> None:
        """Follows what the light or the exposure has done to the whole picture: grey' = a + b * grey.

        Fitted to the medians of the darker and of the brighter half, so that what covers less than half of each does
        not count.
        """
        grey = self._grey[::COARSE, ::COARSE][self._coarse]
        if len(grey) == 0:
            return
        change = small[::COARSE, ::COARSE][self._coarse] - grey
        dark = grey <= _median(grey)
        at = _median(grey[dark])
        low = high = _median(change[dark])
        gain = 0.0
        if not dark.all():
            high = _median(change[~dark])
            contrast = _median(grey[~dark]) - at
            gain = min(max((high - low) / contrast, -0.5), 1.0) if contrast > CONTRAST else 0.0
        if max(abs(low), abs(high)) >= 1:
            self._grey += low + gain * (self._grey - at)
            np.clip(self._grey, 0, 255, out=self._grey)
            cv2.convertScaleAbs(self._grey, dst=self._shown)

    def _learn_flicker(self, seconds: float) -> None:
        """A running quantile of the change between two pictures: what seldom passes a place does not count there."""
        difference = self._difference
        if self._flicker is None:
            rank = int(self.share * QUANTILE)
            usual = np.partition(difference[self._allowed], rank)[rank] if self.share else 0
            self._flicker = np.full(difference.shape, usual, np.float32)
        else:
            step = np.float32(LEARNING * seconds)
            self._flicker += (difference > self._flicker) * step - step * np.float32(1 - QUANTILE)
            np.clip(self._flicker, 0, MOST, out=self._flicker)
        cv2.convertScaleAbs(np.minimum(self._flicker * NOISES + LEAST, MOST), dst=self._least)
        np.maximum(self._least, self._never, out=self._least)


def _median(values: NDArray[np.float32]) -> float:
    """Of at least one. NumPy's own is slower, and its first call imports for 20 ms."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])
