"""Draws what a soak measured: `python -m tests.slow.soak.draw build/soak.json docs/soak.png` (needs matplotlib)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from tests.slow.soak.account import Account
from tests.slow.soak.test_soak import WARM_UP_S

mpl.use("Agg")
from matplotlib import pyplot as plt  # the backend must be chosen before

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW = 6
"""Samples over which a camera's rate is taken."""


def draw(account: Account, path: Path) -> None:
    figure, rows = plt.subplots(4, 1, sharex=True, figsize=(11, 9), height_ratios=[3, 2, 3, 2], layout="constrained")
    minutes = np.array([sample.seconds for sample in account.samples]) / 60
    memory, held, rates, events = rows
    _memory(account, minutes, memory)
    for name in ("descriptors", "threads", "processes"):
        held.plot(minutes, [getattr(sample, name) for sample in account.samples], label=name, lw=1)
    held.set_ylabel("of the daemon")
    for name in account.samples[-1].frames:
        counted = np.array([sample.frames.get(name, np.nan) for sample in account.samples], float)
        rate = (counted[WINDOW:] - counted[:-WINDOW]) / (minutes[WINDOW:] - minutes[:-WINDOW]) / 60
        rates.plot(minutes[WINDOW:], rate, label=name, lw=1)
    rates.set_ylabel("frames a second")
    events.plot(minutes, [sample.events for sample in account.samples], lw=1, label="events heard")
    events.set_ylabel("events")
    events.set_xlabel("minutes")
    kinds = sorted({name for _, name in account.faults})
    for number, kind in enumerate(kinds):
        times = [at / 60 for at, name in account.faults if name == kind]
        events.scatter(times, [0] * len(times), s=14, color=f"C{number + 1}", label=kind, zorder=3, clip_on=False)
    for row in rows:
        row.grid(alpha=0.3)
        row.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
    figure.suptitle(
        f"{minutes[-1]:.0f} minutes, a fault a minute, commit {account.commit}: {account.events} events, "
        f"{len(account.lost)} lost, {account.slope(WARM_UP_S):+.2f} MB/h"
    )
    figure.savefig(path, dpi=80)


def _memory(account: Account, minutes: NDArray[np.float64], row: Any) -> None:
    for name, label in (("rss_mb", "daemon"), ("workers_mb", "workers")):
        row.plot(minutes, [getattr(sample, name) for sample in account.samples], label=label, lw=1)
    row.axvspan(0, WARM_UP_S / 60, color="0.92", label="warm-up")
    row.set_ylabel("resident, MB")
    row.set_ylim(bottom=0)


if __name__ == "__main__":
    draw(Account.load(Path(sys.argv[1])), Path(sys.argv[2]))
