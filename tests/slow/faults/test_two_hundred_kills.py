"""No zombie, no descriptor, no shared memory and no memory is left after two hundred dead workers."""

from __future__ import annotations

import gc
import os
import signal
import time
from pathlib import Path

from tests.e2e.test_ladder import Rig, rigs  # noqa: F401 - the fixture
from tests.support.processes import descriptors_of, zombies_of

KILLS = 200


def test_two_hundred_kills(rigs: list[Rig], tmp_path: Path) -> None:  # noqa: F811
    rig = Rig(tmp_path)
    rigs.append(rig)
    rig.start()
    rig.until("chip")
    before: dict[str, int] = {}
    for kill in range(KILLS):
        rung = rig.ladder.rungs[kill % 2]
        deadline = time.monotonic() + 20
        while rung.state != "serving" or rung._worker is None:
            assert time.monotonic() < deadline, f"kill {kill}: {rung.state} {rung.cause}"
            time.sleep(0.005)
        os.kill(rung._worker.pid, signal.SIGKILL)
        while rung.state == "serving":
            time.sleep(0.001)
        if kill == 20:
            before = _held(rig)
    after = _held(rig)
    print(before, after)
    assert after["descriptors"] <= before["descriptors"]
    assert after["mapped"] <= 4
    assert after["memory"] - before["memory"] < 3e6
    assert not zombies_of(os.getpid())
    assert sum(rung.counters.restarts for rung in rig.ladder.rungs) == KILLS


def _held(rig: Rig) -> dict[str, int]:
    rig.until("chip")
    while rig.ladder.rungs[1].state != "serving":
        time.sleep(0.01)
    rig.results.clear()
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    mapped = Path("/proc/self/maps").read_text().count("memfd:vedette-")
    return {"descriptors": descriptors_of(os.getpid()), "mapped": mapped, "memory": resident}
