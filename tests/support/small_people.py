"""A picture much larger than any model's input, with real people in it who are small and walk.

People: `vtest.avi` (PETS2009 S2.L1), found by a detector and followed while they are alone; cut out where they differ
from the clip's median picture, and pasted at `share` of the frame's height, each with its own steps and gait, once near
the top and once further down. Ground: the same median picture at its own resolution, mirrored until it fills the frame,
so that light and perspective are those of the people; noise (sigma 2) on all of it, as a sensor has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from agent.capture.frame import Picture
from tests.support.accuracy import iou

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FPS = 10.0
_LONG = 30
"""Frames for which somebody must be followed."""
_ALONE = 5
"""Pixels around a person in which nobody else is."""
_DIFFERENT = 14


@dataclass(frozen=True, slots=True)
class Walker:
    """boxes: (n, 4) pixels of the clip, one per frame. cuts: BGR and opacity (0..1) of what is in each."""

    boxes: NDArray[np.float64]
    cuts: list[tuple[NDArray[np.uint8], NDArray[np.float32]]]


def read(clip: Path, frames: int) -> list[NDArray[np.uint8]]:
    capture = cv2.VideoCapture(str(clip))
    found: list[NDArray[np.uint8]] = []
    while len(found) < frames and (picture := capture.read())[0]:
        found.append(picture[1].astype(np.uint8))
    capture.release()
    return found


def walkers(
    pictures: Sequence[NDArray[np.uint8]], detect: Callable[[NDArray[np.uint8]], NDArray[np.float64]]
) -> list[Walker]:
    """detect: boxes (n, 4) in pixels of those who are surely people."""
    ground = np.median(np.stack(pictures[::8]), axis=0).astype(np.int16)
    open_: list[list[NDArray[np.float64]]] = []
    starts: list[int] = []
    done: list[tuple[int, NDArray[np.float64]]] = []
    for i, picture in enumerate([*pictures, None]):
        boxes = _alone(detect(picture)) if picture is not None else np.empty((0, 4))
        taken: set[int] = set()
        going = []
        for start, path in zip(starts, open_, strict=True):
            overlaps = iou(path[-1][None], boxes)[0] if len(boxes) else np.empty(0)
            best = int(overlaps.argmax()) if len(overlaps) else -1
            if best >= 0 and overlaps[best] > 0.5 and best not in taken and len(path) < 3 * _LONG:
                taken.add(best)
                path.append(boxes[best])
                going.append((start, path))
            elif len(path) >= _LONG:
                done.append((start, np.array(path)))
        going += [(i, [box]) for k, box in enumerate(boxes) if k not in taken]
        starts, open_ = [start for start, _ in going], [path for _, path in going]
    return [_walker(pictures, ground, start, path) for start, path in done]


def _alone(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    wide = boxes + np.array([-_ALONE, -_ALONE, _ALONE, _ALONE])
    near = iou(wide, wide) > 0
    alone: NDArray[np.float64] = boxes[near.sum(axis=1) == 1]
    return alone


def _walker(
    pictures: Sequence[NDArray[np.uint8]], ground: NDArray[np.int16], start: int, path: NDArray[np.float64]
) -> Walker:
    smooth = np.apply_along_axis(lambda x: np.convolve(np.pad(x, 2, mode="edge"), np.ones(5) / 5, "valid"), 0, path)
    cuts = []
    for i, box in enumerate(smooth):
        x1, y1, x2, y2 = np.round(box).astype(int)
        x1, y1 = max(x1, 0), max(y1, 0)
        part = pictures[start + i][y1:y2, x1:x2]
        change = np.abs(part.astype(np.int16) - ground[y1:y2, x1:x2]).max(axis=2)
        solid = cv2.morphologyEx((change > _DIFFERENT).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        cuts.append((part.copy(), cv2.GaussianBlur(solid.astype(np.float32), (3, 3), 0).astype(np.float32)))
    return Walker(smooth, cuts)


def ground_of(pictures: Sequence[NDArray[np.uint8]], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The clip's median picture, mirrored until it fills `size` (width, height)."""
    tile = np.median(np.stack(pictures[::8]), axis=0).astype(np.uint8)
    height, width = tile.shape[:2]
    down, across = -(-size[1] // height), -(-size[0] // width)
    rows = []
    for y in range(down):
        row = [tile[:: -1 if y % 2 else 1, :: -1 if x % 2 else 1] for x in range(across)]
        rows.append(np.concatenate(row, axis=1))
    return np.ascontiguousarray(np.concatenate(rows, axis=0)[: size[1], : size[0]])


def composed(
    people: Sequence[Walker], ground: NDArray[np.uint8], share: float, frames: int, empty: int
) -> Iterator[tuple[Picture, NDArray[np.float64]]]:
    """Pictures (yuv420p, limited range) and the people's boxes (n, 4) in 0..1; the first `empty` show nobody."""
    height, width = ground.shape[:2]
    noise = np.random.default_rng(7)
    grain = noise.normal(0, 2, (height + 64, width + 64)).astype(np.float32)
    for i in range(frames):
        image = ground.copy()
        boxes = []
        for k, walker in enumerate(people if i >= empty else ()):
            step, last = i - empty, len(walker.cuts) - 1
            at = last - abs(last - step % (2 * last))  # there and back
            cut, opacity = walker.cuts[at]
            scale = share * height / float(np.median(walker.boxes[:, 3] - walker.boxes[:, 1]))
            centre = (walker.boxes[at] + np.roll(walker.boxes[at], 2)) / 2
            first = (walker.boxes[0] + np.roll(walker.boxes[0], 2)) / 2
            spot = np.array([(0.2 + 0.6 * ((k * 0.382) % 1)) * width, (0.3 + 0.4 * (k % 2)) * height])
            x, y = spot + scale * (centre[:2] - first[:2])
            size = (max(2, round(cut.shape[1] * scale)), max(2, round(cut.shape[0] * scale)))
            boxes.append(_paste(image, cut, opacity, size, (round(x - size[0] / 2), round(y - size[1] / 2))))
        oy, ox = noise.integers(0, 64, 2)
        noisy = image + grain[oy : oy + height, ox : ox + width, None]
        picture = to_picture(np.clip(noisy, 0, 255).astype(np.uint8))
        yield picture, np.array(boxes).reshape(-1, 4) / [width, height, width, height]


def to_picture(bgr: NDArray[np.uint8]) -> Picture:
    """As a decoder would give it: yuv420p, limited range."""
    height, width = bgr.shape[:2]
    yuv = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420).astype(np.uint8)
    chroma = yuv[height:].reshape(2, height // 2, width // 2)
    return Picture(yuv[:height], chroma[0], chroma[1], None, False, None)


def _paste(
    image: NDArray[np.uint8],
    cut: NDArray[np.uint8],
    opacity: NDArray[np.float32],
    size: tuple[int, int],
    corner: tuple[int, int],
) -> tuple[int, int, int, int]:
    way = cv2.INTER_AREA if size[1] < cut.shape[0] else cv2.INTER_LINEAR
    cut, opacity = cv2.resize(cut, size, interpolation=way), cv2.resize(opacity, size, interpolation=way)  # type: ignore[assignment]
    x, y = corner
    there = image[y : y + size[1], x : x + size[0]]
    there[:] = (cut * opacity[..., None] + there * (1 - opacity[..., None])).astype(np.uint8)
    return x, y, x + size[0], y + size[1]
