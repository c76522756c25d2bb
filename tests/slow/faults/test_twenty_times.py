"""Abort, SIGKILL, a hang at invoke and a hang at open, twenty times each, on daemons that run side by side.

Real LiteRT, workers and broker; a double of libedgetpu, which proves nothing of a real chip. About eight minutes, of
which most is waiting: an engine that has just failed is left alone for a while.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.support.audience import Audience
from tests.support.brokers import mosquitto_process, wait_for
from tests.support.clips import scene, write_clip
from tests.support.coral import CHIP, CPU, DEADLINE, Coral, Watch, chip_worker
from tests.support.daemon import Daemon, config
from tests.support.processes import descriptors_of, loaded_of, workers_of, zombies_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.rooted

FAULTS = ("abort", "SIGKILL", "hang-invoke", "hang-open")
TIMES = int(os.environ.get("VEDETTE_FAULTS", "20"))
HEALTHY = 10.5  # seconds after which an engine's past is forgotten


@dataclass
class Trial:
    """One daemon that has one kind of fault again and again."""

    fault: str
    folder: Path
    clip: Path
    gaps: list[float] = field(default_factory=list)
    yard_gap: float = 0.0
    memory: list[int] = field(default_factory=list)
    trouble: str = ""

    def run(self) -> None:
        broker = mosquitto_process(self.folder)
        coral = Coral(self.folder / "coral")
        cameras = {
            "gate": {"source": str(self.clip), "loop": True, "fps": 10, "model": str(coral.model)},
            "yard": {"source": str(self.clip), "loop": True, "fps": 5, "model": str(self._other(coral))},
        }
        text = json.loads(config(broker.port, cameras, engine={"standby": "warm"}))
        text["mqtt"]["detections"] = {"max_rate": 0}
        daemon = Daemon(self.folder, json.dumps(text), coral.environment())
        audience = Audience(broker)
        try:
            daemon.start()
            self._repeat(daemon, coral, Watch(audience))
            daemon.stop()
        except AssertionError as e:
            self.trouble = f"{self.fault}, time {len(self.gaps)}: {e}\n{daemon.log()[-2000:]}"
        finally:
            daemon.end()
            audience.subscriber.stop()
            broker.kill()

    def _other(self, coral: Coral) -> Path:
        """Another model, which only the CPU runs."""
        other = self.folder / "other.tflite"
        other.write_bytes(coral.twin.read_bytes())
        other.with_suffix(".yaml").write_text("name: other\nfamily: ssd\nlabels: [person]\n")
        return other

    def _repeat(self, daemon: Daemon, coral: Coral, seen: Watch) -> None:
        wait_for(lambda: "edgetpu" in seen.backends(0), 60, "it never served")
        wait_for(lambda: loaded_of(daemon.pid) == 3, 30)
        time.sleep(HEALTHY)
        descriptors, began = descriptors_of(daemon.pid), time.monotonic()
        for _ in range(TIMES):
            since, taken = time.monotonic(), _taken_over(daemon)
            self._break(daemon, coral)
            wait_for(lambda taken=taken: _taken_over(daemon) > taken, 30, "the CPU did not take over")
            if self.fault == "hang-open":
                wait_for(lambda: "took too long" in (seen.engine(CHIP)["cause"] or ""), 30, "nobody noticed the hang")
            coral.mode("ok")
            back = time.monotonic()
            wait_for(lambda back=back: "edgetpu" in seen.backends(back), 60, "the chip was not taken back")
            time.sleep(HEALTHY)
            self.gaps.append(seen.gap(since))
            self.memory.append(_resident(daemon.pid))
        wait_for(lambda: len(workers_of(daemon.pid)) == 3, 30, "workers are left over, or missing")
        assert descriptors_of(daemon.pid) <= descriptors
        assert not zombies_of(daemon.pid)
        at = [at for at, f in seen.frames("yard") if at > began and f["inferred"]]
        self.yard_gap = max(b - a for a, b in itertools.pairwise(at))

    def _break(self, daemon: Daemon, coral: Coral) -> None:
        if self.fault in {"abort", "hang-invoke"}:
            coral.mode(self.fault)
            return
        if self.fault == "hang-open":
            coral.mode("hang-open")
        os.kill(chip_worker(daemon.pid), signal.SIGKILL)


def test_the_cpu_takes_over_every_time_and_nothing_is_left_behind(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed (pip install 'vedette[edgetpu]')")
    clip = write_clip(tmp_path / "clip.mp4", scene(320, 240), frames=50)
    trials = [Trial(fault, tmp_path / fault, clip) for fault in FAULTS]
    for trial in trials:
        (trial.folder / "coral").mkdir(parents=True)
    threads = [threading.Thread(target=trial.run) for trial in trials]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for trial in trials:
        grown = trial.memory[-1] - trial.memory[0] if trial.memory else 0
        print(f"{trial.fault}: {len(trial.gaps)} times, longest gap {max(trial.gaps, default=0):.2f} s,", end=" ")
        print(f"another camera's {trial.yard_gap:.2f} s, memory {grown / 1e6:+.1f} MB")
    assert not [trial.trouble for trial in trials if trial.trouble]
    for trial in trials:
        assert len(trial.gaps) == TIMES
        assert max(trial.gaps) <= DEADLINE + 1
        assert trial.yard_gap < 1.0, "5 inferences a second, whatever the other camera's chip does"
        assert trial.memory[-1] - trial.memory[len(trial.memory) // 4] < 4e6


def _taken_over(daemon: Daemon) -> int:
    """How often the CPU has. A killed worker may be back before the CPU had a frame."""
    return daemon.log().count(f"{CPU} takes over")


def _resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:  # noqa: PTH123 - no file of ours
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
