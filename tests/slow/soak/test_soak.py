"""Hours of four cameras with a fault each minute: nothing grows, nothing is lost, nothing stays down.

VEDETTE_SOAK_MINUTES says how long (120), VEDETTE_SEED which faults (0). What was measured is kept in build/soak.json,
which `python -m tests.slow.soak.draw` makes a picture of. A run of less than an hour proves no slope, and says so.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from random import Random

import pytest

from tests.slow.soak.account import Account, cpu_seconds, look
from tests.slow.soak.faults import FAULTS
from tests.slow.soak.stage import Stage
from tests.support.brokers import MOSQUITTO, MOSQUITTO_MISSING, wait_for
from tests.support.processes import zombies_of
from tests.support.servers import rtsp_missing

pytestmark = pytest.mark.rooted

MINUTES, SEED = float(os.environ.get("VEDETTE_SOAK_MINUTES", "120")), int(os.environ.get("VEDETTE_SEED", "0"))
EVERY_S, SAMPLE_S, SETTLED_S = 60.0, 5.0, 45.0
WARM_UP_S = 1200.0
SLOPE_MB_H = 1.0
ROOT = Path(__file__).parents[3]
STREET = ROOT.parent / "shared" / "data" / "videos" / "vtest.avi"


def test_soak(tmp_path: Path, person_model: str) -> None:
    if MOSQUITTO is None:
        pytest.skip(MOSQUITTO_MISSING)
    if rtsp_missing():
        pytest.skip(rtsp_missing())
    result = ROOT / "build" / "soak.json"
    result.parent.mkdir(exist_ok=True)
    draw, account = Random(SEED), Account(_commit())
    stage = Stage(tmp_path, STREET if STREET.exists() else None, person_model)
    pid, began = stage.daemon.pid, time.monotonic()
    next_fault, waiting = EVERY_S, list[str]()
    try:
        while (now := time.monotonic() - began) < 60 * MINUTES:
            assert stage.daemon.process.poll() is None, stage.daemon.log()[-5000:]
            account.samples.append(look(stage.daemon, now, frames(stage), len(stage.heard)))
            account.save(result)
            if now >= next_fault:
                waiting = waiting or draw.sample([*FAULTS], len(FAULTS))
                name = waiting.pop()
                account.faults.append((now, name))
                FAULTS[name](stage, draw)
                next_fault += EVERY_S
            time.sleep(SAMPLE_S)
        wait_for(lambda: all_see(stage), SETTLED_S, lambda: f"{stage.daemon.status()}\n{stage.daemon.log()[-5000:]}")
        wait_for(lambda: stage.daemon.status()["outbox"]["depth"] == 0, SETTLED_S)
        assert stage.daemon.pid == pid
        assert not zombies_of(pid)
        account.cpu_seconds = cpu_seconds(pid)
        stage.daemon.stop()
        time.sleep(2)
        account.lost, account.events = stage.lost(), len(stage.heard)
        account.twice, account.out_of_order, account.detections = stage.twice, stage.out_of_order, stage.detections
        account.save(result)
        judge(account)
    finally:
        stage.end()


def judge(account: Account) -> None:
    print(f"\n{account.happened()}\n{account.events} events, {account.lost} lost, {account.twice} twice")
    assert account.lost == []
    assert account.out_of_order == 0
    assert account.events > 2 * MINUTES
    if 60 * MINUTES < 3 * WARM_UP_S:
        print("too short for a slope")
        return
    print({name: account.slope(WARM_UP_S, name) for name in ("rss_mb", "workers_mb", "descriptors", "threads")})
    assert account.slope(WARM_UP_S) <= SLOPE_MB_H
    for name in ("descriptors", "threads"):
        assert account.slope(WARM_UP_S, name) < 1, name


def frames(stage: Stage) -> dict[str, int]:
    return {name: camera["frames"] for name, camera in stage.daemon.status()["cameras"].items()}


def all_see(stage: Stage) -> bool:
    before = frames(stage)
    time.sleep(3)
    now = frames(stage)
    return set(now) == set(stage.content["cameras"]) and all(now[name] > before.get(name, 0) for name in now)


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
