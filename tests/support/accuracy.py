"""Average precision at IoU 0.5, as PASCAL VOC defines it since 2010 (all points)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Boxes = NDArray[np.float64]


def read_mot(path: Path) -> dict[int, tuple[Boxes, NDArray[np.bool_]]]:
    """MOTChallenge ground truth by frame number (from 1): boxes (n, 4) xyxy pixels, and which of them to ignore."""
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    found = {}
    for frame in np.unique(rows[:, 0]):
        of_frame = rows[rows[:, 0] == frame]
        xyxy = of_frame[:, 2:6].copy()
        xyxy[:, 2:] += xyxy[:, :2]
        found[int(frame)] = (xyxy, of_frame[:, 6] == 0)
    return found


def iou(one: Boxes, other: Boxes) -> Boxes:
    """(n, 4) and (m, 4) to (n, m)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    inner = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(b[:, 2:] - b[:, :2]).prod(axis=1) for b in (one, other)]
    return inner / np.maximum(areas[0][:, None] + areas[1][None] - inner, 1e-12)


def ap50(
    truth: Mapping[int, tuple[Boxes, NDArray[np.bool_]]],
    found: Mapping[int, tuple[Boxes, NDArray[np.float64]]],
) -> float:
    """0..100. found: by frame, boxes (n, 4) and confidence (n,), of one class."""
    wanted = sum(int((~ignore).sum()) for _, ignore in truth.values())
    ranked = sorted(
        ((score, frame, i) for frame, (_, scores) in found.items() for i, score in enumerate(scores)),
        reverse=True,
    )
    taken: dict[int, set[int]] = {frame: set() for frame in truth}
    hits = []
    overlaps = {frame: iou(found[frame][0], truth[frame][0]) for frame in found if frame in truth}
    for _, frame, i in ranked:
        if frame not in truth:
            continue
        row = overlaps[frame][i].copy()
        row[list(taken[frame])] = 0
        best = int(row.argmax()) if len(row) else -1
        if best >= 0 and row[best] >= 0.5:
            if truth[frame][1][best]:
                continue
            taken[frame].add(best)
            hits.append(1)
        else:
            hits.append(0)
    if not hits:
        return 0.0
    right = np.cumsum(hits)
    precision = right / np.arange(1, len(hits) + 1)
    recall = right / wanted
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * envelope) * 100)
