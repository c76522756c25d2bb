"""What the outbox keeps on the disk: how long, how much, and what gaps tell."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from agent.publish.outbox import limits
from agent.publish.outbox.journal import Journal
from agent.publish.outbox.opening import FILE
from agent.publish.outbox.send_window import Row
from agent.publish.outbox.stored import Stored
from tests.unit.publish.journals import answer, fill, journal, waiting

if TYPE_CHECKING:
    from pathlib import Path


def test_a_clean_stop_notes_the_age(tmp_path: Path) -> None:
    """Else what happened in its last seconds would be younger than it is after a reboot."""
    kept = journal(tmp_path)
    fill(kept, 1)
    reached = kept.age.now()
    kept.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as database, database:
        database.execute("UPDATE meta SET value = 'another boot' WHERE key = 'boot'")
    assert journal(tmp_path).age.now() >= reached


@pytest.mark.parametrize("step", [-366 * 86400.0, 366 * 86400.0])
def test_a_step_of_the_clock_expires_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: float) -> None:
    kept = journal(tmp_path, max_age=60.0)
    fill(kept, 20)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + step)
    kept._limits._at = 0.0
    assert kept.write([], 0, 0) == []
    assert len(waiting(kept)) == 20
    kept.close()
    again = journal(tmp_path, max_age=60.0)
    again.write([], 0, 0)
    assert len(waiting(again)) == 20


def test_what_is_too_old_goes_and_one_gap_says_so(tmp_path: Path) -> None:
    kept = journal(tmp_path, max_age=60.0)
    fill(kept, 20, age=100.0)
    fill(kept, 5, first=20)
    kept._limits._at = 0.0
    kept.write([], 0, 0)
    bodies = waiting(kept)
    (gap,) = (body["data"] for body in bodies if body["type"] == "vedette.gap")
    assert (gap["from"], gap["to"], gap["count"], gap["cause"]) == (1, 20, 20, "expired")
    assert [body["data"]["n"] for body in bodies if body["type"] != "vedette.gap"] == list(range(20, 25))


def test_beyond_its_bytes_updates_go_first_then_the_oldest_and_all_are_named(tmp_path: Path) -> None:
    kept = journal(tmp_path, max_bytes=6_000_000)
    for start in range(0, 12_000, 400):
        fill(kept, 200, first=start)
        fill(kept, 200, first=start + 200, kind="vedette.track.updated")
    for _ in range(20):
        kept._limits._at = 0.0
        kept.write([], 0, 0)
    size = sum(file.stat().st_size for file in tmp_path.iterdir() if file.name.startswith(FILE))
    assert size <= 6_000_000
    bodies = waiting(kept)
    gaps = [body["data"] for body in bodies if body["type"] == "vedette.gap"]
    left = {body["data"]["n"] for body in bodies if body["type"] != "vedette.gap"}
    assert len(gaps) <= 2
    assert sum(gap["count"] for gap in gaps) + len(left) == 12_000
    assert not [body for body in bodies[:100] if body["type"] == "vedette.track.updated"]
    assert 11_999 in left
    named = {seq for gap in gaps for seq in range(gap["from"], gap["to"] + 1)}
    assert set(range(1, bodies[-1]["seq"] + 1)) - {body["seq"] for body in bodies} <= named


def test_a_volume_that_fills_up_gets_its_room_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room is what statvfs says; a real small volume is filled in tests/e2e/daemon."""
    kept = journal(tmp_path)
    fill(kept, 5000)
    monkeypatch.setattr(limits, "budget", lambda *_: 3_000_000)
    for _ in range(10):
        kept._limits._at = 0.0
        kept.write([], 0, 0)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 4_500_000
    assert [body["data"]["n"] for body in waiting(kept) if body["type"] != "vedette.gap"][-1] == 4999


def refuse_gap(kept: Journal, gap: Stored) -> None:
    kept.settle(Row(gap.n, gap.epoch, gap.seq, "t", gap.body, 0.0, 0.0, gap=True), "rejected", "Not authorized")


def test_a_gap_that_is_refused_makes_no_other(tmp_path: Path) -> None:
    kept = journal(tmp_path)
    answer(kept, fill(kept, 3), "rejected")
    (gap,) = kept.write([], 0, 0)
    refuse_gap(kept, gap)
    assert kept.write([], 0, 0) == []
    assert kept.depth == 0


@pytest.mark.parametrize("restart", [False, True])
def test_what_a_refused_gap_told_is_told_once_the_broker_takes_events_again(tmp_path: Path, *, restart: bool) -> None:
    """An ACL that denies the topic refuses the gaps as well."""
    kept = journal(tmp_path)
    answer(kept, fill(kept, 3), "rejected")
    (gap,) = kept.write([], 0, 0)
    refuse_gap(kept, gap)
    answer(kept, fill(kept, 2, first=3), "rejected")
    assert kept.write([], 0, 0) == []
    missed = kept.missed["rejected"]
    if restart:
        kept.close()
        kept = journal(tmp_path)
    answer(kept, fill(kept, 1, first=5))
    told = [json.loads(row.body)["data"] for row in kept.write([], 0, 0)]
    assert [(g["cause"], g["from"], g["to"], g["count"]) for g in told] == [("rejected", 1, 6, 6)]
    assert missed == 6
    kept.close()
    kept = journal(tmp_path)
    answer(kept, fill(kept, 1, first=6))
    assert kept.write([], 0, 0) == []
