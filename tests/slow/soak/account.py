"""What a soak measured: samples over time, faults, the events' balance; and the judgement of it."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.support.processes import children, descriptors_of, workers_of

if TYPE_CHECKING:
    from tests.support.daemon import Daemon

_PAGE, _TICK = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """seconds: since the start. rss_mb, workers_mb: resident.

    frames: of all cameras, as the daemon counts them. events: heard until then.
    """

    seconds: float
    rss_mb: float
    workers_mb: float
    descriptors: int
    threads: int
    processes: int
    frames: dict[str, int]
    events: int


@dataclass
class Account:
    """lost: numbers of events that were kept and never came. restarts: of the daemon."""

    commit: str = ""
    samples: list[Sample] = field(default_factory=list)
    faults: list[tuple[float, str]] = field(default_factory=list)
    events: int = 0
    lost: list[int] = field(default_factory=list)
    twice: int = 0
    out_of_order: int = 0
    detections: int = 0
    cpu_seconds: float = 0.0

    def save(self, path: Path) -> None:
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(path)

    @classmethod
    def load(cls, path: Path) -> Account:
        found: dict[str, Any] = json.loads(path.read_text())
        found["samples"] = [Sample(**sample) for sample in found["samples"]]
        found["faults"] = [(at, name) for at, name in found["faults"]]
        return cls(**found)

    def after(self, warm_up: float) -> list[Sample]:
        return [sample for sample in self.samples if sample.seconds >= warm_up]

    def slope(self, warm_up: float, name: str = "rss_mb") -> float:
        """Of a straight line through all samples after the warm-up, by least squares, an hour."""
        samples = self.after(warm_up)
        hours = np.array([sample.seconds for sample in samples]) / 3600
        values = np.array([getattr(sample, name) for sample in samples], float)
        return float(np.polyfit(hours, values, 1)[0])

    def happened(self) -> Counter[str]:
        return Counter(name for _, name in self.faults)


def look(daemon: Daemon, seconds: float, frames: dict[str, int], events: int) -> Sample:
    pid = daemon.pid
    return Sample(
        round(seconds, 1),
        resident(pid),
        sum(map(resident, workers_of(pid))),
        descriptors_of(pid),
        sum(1 for _ in Path(f"/proc/{pid}/task").iterdir()),
        len(children(pid)),
        frames,
        events,
    )


def resident(pid: int) -> float:
    """In MB; 0 for one that has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6
    except OSError:
        return 0.0


def cpu_seconds(pid: int) -> float:
    """Of the process and of the children it has waited for."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, words[11:15])) / _TICK
