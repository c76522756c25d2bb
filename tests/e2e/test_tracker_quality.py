"""The tracker on TUD-Stadtmitte with given detections: its published quality, which a change of a constant may cost.

MOTA by its definition (Bernardin, Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT
Metrics", 2008). IDF1 and HOTA need trackeval: `python -m tests.bench.tracker`.
"""

from __future__ import annotations

import lap
import numpy as np
import pytest

from tests.bench.tracker import MOT, Rows, iou, read, tracked

pytestmark = pytest.mark.data


def clear_mot(truth: Rows, found: Rows) -> tuple[float, int]:
    """MOTA in percent, and how often somebody got another number. A pair of the frame before stays one if it can."""
    missed = wrong = switches = people = 0
    before: dict[int, int] = {}
    last: dict[int, int] = {}
    for frame, seen in found.items():
        wanted = truth.get(frame, [])
        alike = iou([box for _, box in wanted], [box for _, box in seen])
        for i, (person, _) in enumerate(wanted):
            for j, (track, _) in enumerate(seen):
                alike[i, j] += 10 * (before.get(person) == track and alike[i, j] >= 0.5)
        before = {}
        if alike.size:
            _, columns, _ = lap.lapjv(np.where(alike >= 0.5, -alike, 0.0), extend_cost=True)
            pairs = [(i, int(j)) for i, j in enumerate(columns) if j >= 0 and alike[i, j] >= 0.5]
            before = {wanted[i][0]: seen[j][0] for i, j in pairs}
        switches += sum(last.get(person, track) != track for person, track in before.items())
        last |= before
        people += len(wanted)
        missed += len(wanted) - len(before)
        wrong += len(seen) - len(before)
    return 100 * (1 - (missed + wrong + switches) / people), switches


def test_a_street_is_tracked_as_well_as_the_figures_say() -> None:
    if not (MOT / "TUD-Stadtmitte.gt.txt").exists():
        pytest.skip("no TUD-Stadtmitte in shared/data/mot")
    truth = read(MOT / "TUD-Stadtmitte.gt.txt")
    people: Rows = {f: [(int(r[1]), np.array(r[2:6])) for r in rows if r[6] != 0] for f, rows in truth.items()}
    mota, switches = clear_mot(people, tracked(read(MOT / "TUD-Stadtmitte.det.txt"), sorted(people)))
    assert mota >= 72
    assert switches <= 10
