"""No event that was kept is lost, none comes out of order, and few come twice: twenty runs of each misfortune.

$VEDETTE_RUNS for fewer of them, without the baselines.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.slow.delivery.scenarios import SCENARIOS
from tests.slow.delivery.table import HEAD, row, runs
from tests.support.brokers import MOSQUITTO, MOSQUITTO_MISSING

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.rooted,
    pytest.mark.skipif(MOSQUITTO is None, reason=MOSQUITTO_MISSING),
]

RUNS = int(os.environ.get("VEDETTE_RUNS", "20"))
BASELINES = 2
WINDOW = 40
"""Answers that may not be on the disk yet when the device is killed; 20 may fly."""


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_lost(scenario: str, tmp_path: Path) -> None:
    found = runs("vedette", scenario, RUNS, tmp_path)
    print(f"\n{HEAD}\n{row(found)}")
    for kind in ("paho", "frigate-like") if RUNS >= 20 else ():
        print(row(runs(kind, scenario, BASELINES, tmp_path)))
    assert sum(outcome.lost for outcome in found) == 0
    assert sum(outcome.inversions for outcome in found) == 0
    assert max(outcome.duplicates for outcome in found) <= WINDOW
    assert all(outcome.offered > 200 for outcome in found)
    assert all(outcome.back_s is not None for outcome in found)
