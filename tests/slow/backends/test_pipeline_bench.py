"""`vedette bench --scene` to its end: its figures are there. How good they are is no test's business."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.brokers import MOSQUITTO, MOSQUITTO_MISSING


@pytest.mark.rooted
def test_the_scene_is_measured_against_the_bare_engine(person_model: str) -> None:
    if MOSQUITTO is None:
        pytest.skip(MOSQUITTO_MISSING)
    command = [sys.executable, "-m", "agent.cli", "bench", "--scene", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["model"] == person_model
    scene = said["scene"]
    print(f"\n{scene}")
    for part in ("tracked", "everything", "gated"):
        assert 0 < scene[f"{part}_over_bare"] < 20, part
        assert 0 < scene["daemon_cpu_ms_per_inferred"][part] < 100, part
    assert 0 < scene["gated_inferred"] < 1
