"""Draws what a soak measured: `python -m tests.slow.soak.draw build/soak.json docs/soak.png` (needs matplotlib)."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np

from tests.slow.soak.account import Account
from tests.slow.soak.test_soak import WARM_UP_S

mpl.use("Agg")
from matplotlib import pyplot as plt  # the backend must be chosen before

WINDOW = 6
"""Samples over which a camera's rate is taken."""


def draw(account: Account, path: Path) -> None:
    heights = [3, 2, 2, 3, 2, 2]
    figure, rows = plt.subplots(6, 1, sharex=True, figsize=(11, 11), height_ratios=heights, layout="constrained")
    daemon, workers, held, rates, events, faults = rows
    minutes = np.array([sample.seconds for sample in account.samples]) / 60
    for row, name, label in ((daemon, "rss_mb", "daemon"), (workers, "workers_mb", "workers")):
        row.plot(minutes, [getattr(sample, name) for sample in account.samples], label=label, lw=1)
        row.axvspan(0, WARM_UP_S / 60, color="0.92", label="warm-up")
        row.set_ylabel("resident, MB")
    workers.set_ylim(0, 1.2 * max(sample.workers_mb for sample in account.samples))
    for name in ("descriptors", "threads", "processes"):
        held.plot(minutes, [getattr(sample, name) for sample in account.samples], label=name, lw=1)
    held.set_ylim(bottom=0)
    held.set_ylabel("of the daemon")
    for name in sorted(account.samples[-1].frames):
        counted = np.array([sample.frames.get(name, np.nan) for sample in account.samples], float)
        rate = (counted[WINDOW:] - counted[:-WINDOW]) / (minutes[WINDOW:] - minutes[:-WINDOW]) / 60
        rate[rate < 0] = np.nan  # it was taken out of the config, and counts from 0 again
        rates.plot(minutes[WINDOW:], rate, label=name, lw=1)
    rates.set_ylabel("frames a second")
    events.plot(minutes, [sample.events for sample in account.samples], lw=1, label="heard")
    events.set_ylabel("events")
    for kind in sorted({name for _, name in account.faults}):
        times = [at / 60 for at, name in account.faults if name == kind]
        faults.scatter(times, [kind] * len(times), s=8)
    faults.set_xlabel("minutes")
    for row in rows:
        row.grid(alpha=0.3)
    for row in rows[:-1]:
        row.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)
    figure.suptitle(
        f"{minutes[-1]:.0f} minutes, a fault a minute, commit {account.commit}: {account.events} events, "
        f"{len(account.lost)} lost; the daemon {account.slope(WARM_UP_S):+.2f} MB/h after the warm-up"
    )
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    draw(Account.load(Path(sys.argv[1])), Path(sys.argv[2]))
