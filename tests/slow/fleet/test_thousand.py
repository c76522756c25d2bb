"""A thousand devices on one mosquitto: all of them arrive, and `vedette fleet` lists them all.

How fast is measured by tests/bench/fleet.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench.fleet import measure
from tests.support.brokers import MOSQUITTO, MOSQUITTO_MISSING

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.rooted,
    pytest.mark.skipif(MOSQUITTO is None, reason=MOSQUITTO_MISSING),
]
DEVICES = 1000
KB_EACH = 50


def test_a_thousand_devices(tmp_path: Path) -> None:
    found = measure(DEVICES, 45.0, 12.0, 0.0, tmp_path)
    print("", *(f"{key} {value:.6g}" for key, value in found.items()), sep="\n")
    assert (found["statuses"], found["listed"], found["incomplete"], found["gone"]) == (DEVICES, DEVICES, 0, 0)
    assert found["events_arrived"] == found["events_sent"] >= 5 * DEVICES
    assert found["events_twice"] == 0
    assert found["fleet_kb_a_device"] <= KB_EACH
