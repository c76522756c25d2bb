"""Which sent picture is frame.index n of a camera: found from the irregular rhythm of sending alone.

The messages of the daemon do not carry what is in a picture. But the server sends each picture a little late at
random, and that rhythm comes back in `captured_at`: only one offset between the server's count and the daemon's
makes the two fit. From there on each message is followed, since a server that falls behind leaves a picture out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLEAR = 2.0
"""How many times worse the second best offset must fit."""
FEWEST = 20
OVERHANG = 3
"""Frames that may lie outside what was sent when an offset is tried: so the right one always has rivals."""
LONGEST_LAG = 1.0
NEAR = 10
"""Pictures that may be left out over the whole run."""
MOST_EARLY = 0.02
WINDOW = 15
"""Messages over which a picture must be missing to count as left out: one late pick-up is not that."""
_PARTS = 4
_EARLY = -0.0015
"""captured_at is rounded to milliseconds, and lies on another clock."""


class Ambiguous(Exception):
    """The rhythm does not tell which picture was which."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """place: for each frame, which of `sent` it is. misfit: seconds, of the offset that began it and of its best rival.

    left_out: pictures that never came, by the end.
    """

    place: NDArray[np.int64]
    misfit: float
    rival: float
    left_out: int


def align(sent: NDArray[np.float64], index: NDArray[np.int64], seen: NDArray[np.float64]) -> Alignment:
    """sent: seconds, one per picture. index, seen: frame.index and the capture time (same clock) of some frames.

    Raises Ambiguous where no quarter of the frames has one offset that fits clearly best.
    """
    if len(index) < FEWEST:
        raise Ambiguous(f"{len(index)} frames are too few")
    parts = [_fit(sent, index[part], seen[part]) for part in np.array_split(np.arange(len(index)), _PARTS)]
    offset, misfit, rival, lag = max(parts, key=lambda part: part[2] / part[1])
    if rival < CLEAR * misfit:
        raise Ambiguous(f"offsets fit nearly alike: {misfit * 1e3:.2f} and {rival * 1e3:.2f} ms")
    offsets = _followed(sent, index, seen, offset, lag)
    if (np.diff(offsets) < 0).any():
        raise Ambiguous("pictures seem to come twice")
    place = index + offsets
    early = float((seen < sent[place] + _EARLY).mean())
    if early > MOST_EARLY or abs(offsets[-1] - offset) >= NEAR:
        raise Ambiguous(f"{early:.0%} of the pictures would be here before they were sent: too many were left out")
    return Alignment(place, misfit, rival, int(offsets[-1] - offsets[0]))


def _fit(
    sent: NDArray[np.float64], index: NDArray[np.int64], seen: NDArray[np.float64]
) -> tuple[int, float, float, float]:
    """The offset that fits best, its misfit, that of its best rival, and its lag; seconds."""
    offsets = np.arange(-index.min() - OVERHANG, len(sent) - index.max() + OVERHANG)
    lags = _lags(sent, index, seen, offsets)
    middle = np.nanmedian(lags, axis=1)
    misfits = np.nanmedian(np.abs(lags - middle[:, None]), axis=1)
    # A picture cannot be here before it was sent, and a slot design is never a second behind.
    misfits[(middle < _EARLY) | (middle > LONGEST_LAG)] = np.inf
    order = np.argsort(misfits)
    best = order[0]
    return int(offsets[best]), float(misfits[best]), float(misfits[order[1]]), float(middle[best])


def _followed(
    sent: NDArray[np.float64], index: NDArray[np.int64], seen: NDArray[np.float64], offset: int, lag: float
) -> NDArray[np.int64]:
    """The offset at each frame: the one with the usual lag, as soon as it holds for most of a window."""
    offsets = np.arange(offset - NEAR, offset + NEAR + 1)
    lags = _lags(sent, index, seen, offsets)
    unusual = np.where(np.isnan(lags) | (lags < _EARLY), np.inf, np.abs(lags - lag))
    nearest = np.pad(offsets[unusual.argmin(axis=0)], WINDOW // 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(nearest, WINDOW), axis=1).astype(np.int64)


def _lags(
    sent: NDArray[np.float64], index: NDArray[np.int64], seen: NDArray[np.float64], offsets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(offsets, frames), nan where nothing was sent."""
    place = index[None] + offsets[:, None]
    there = (place >= 0) & (place < len(sent))
    return np.where(there, seen[None] - sent[np.clip(place, 0, len(sent) - 1)], np.nan)
