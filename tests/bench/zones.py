"""What zones, lines and counts cost per frame, and label rules per look.

    python -m tests.bench.zones

8 tracks that walk about, 4 zones of 6 corners, 4 lines. The fastest of many rounds: the machine does other things, too.
"""

from __future__ import annotations

import random
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from agent.perception.counts import Counts
from agent.perception.facts import Moment
from agent.perception.labels import LabelFilter
from agent.perception.lines import LineWatch
from agent.perception.settings import LabelRule, Line, Zone
from agent.perception.track import Track
from agent.perception.zones import ZoneWatch
from backends.detections import Detections

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMES = 500
ROUNDS = 15
TRACKS = 8
HEXAGON = ((0.2, 0.3), (0.5, 0.2), (0.8, 0.3), (0.8, 0.8), (0.5, 0.95), (0.2, 0.8))
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def walks(*, restless: bool) -> list[list[Track]]:
    """FRAMES frames. restless: feet jump about the picture, so that each look brings news; else they stroll."""
    chance = random.Random(1)
    at = [(chance.random(), chance.random()) for _ in range(TRACKS)]
    frames = []
    for frame in range(FRAMES):
        reach = 0.5 if restless else 0.01
        at = [(within(x + chance.uniform(-reach, reach)), within(y + chance.uniform(-reach, reach))) for x, y in at]
        frames.append(
            [Track(i, i % 3, (x - 0.02, y - 0.1, x + 0.02, y), 0.8, 0.0, frame / 5, 3) for i, (x, y) in enumerate(at)]
        )
    return frames


def within(value: float) -> float:
    return min(1.0, max(0.0, value))


def scene(frames: list[list[Track]]) -> None:
    zones = [ZoneWatch(Zone(f"zone{i}", tuple((x, min(1.0, y + i / 20)) for x, y in HEXAGON))) for i in range(4)]
    lines = [LineWatch(Line(f"line{i}", (0.1, 0.2 + i / 5), (0.9, 0.3 + i / 5)), told=[0, 1]) for i in range(4)]
    counts = Counts([zone.id for zone in zones], [0, 1])
    for frame, tracks in enumerate(frames):
        at = Moment(frame / 5, frame / 5, frame / 5)
        for zone in zones:
            zone.update(at.media_time, tracks)
        for line in lines:
            line.update(at.captured_at, tracks)
            line.facts(at.captured_at)
        present = {"": [track.class_id for track in tracks]}
        for zone in zones:
            present[zone.id] = [track.class_id for track in zone.members]
        counts.update(at, present)


def filtering(wanted: LabelFilter, n: int) -> Callable[[], None]:
    rng = np.random.default_rng(1)
    corner = rng.random((n, 2), np.float32) / 2
    seen = Detections(
        np.hstack([corner, corner + np.float32(0.3)]),
        np.sort(rng.random(n, np.float32))[::-1].copy(),
        rng.integers(0, 3, n, np.int32),
    )

    def run() -> None:
        for _ in range(FRAMES):
            wanted(seen)

    return run


def fastest(run: Callable[[], None]) -> float:
    """Microseconds per frame."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best / FRAMES * 1e6


def main() -> None:
    for name, restless in (("strolling", False), ("restless", True)):
        frames = walks(restless=restless)
        print(f"zones, lines, counts, {name}: {fastest(partial(scene, frames)):.1f} us per frame")
    plain = LabelFilter({c: LabelRule(0.4) for c in range(3)})
    masked = LabelFilter({c: LabelRule(0.4, 0.1, 0.1, (LEFT, HEXAGON)) for c in range(3)})
    print(f"label rules, 10 boxes: {fastest(filtering(plain, 10)):.1f} us")
    print(f"label rules, 10 boxes, sizes and two masks: {fastest(filtering(masked, 10)):.1f} us")
    print(f"label rules, 100 boxes: {fastest(filtering(plain, 100)):.1f} us")


if __name__ == "__main__":
    main()
