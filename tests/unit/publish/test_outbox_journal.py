"""What the outbox keeps on the disk: through damage, other versions, lost disks."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from agent.publish.outbox import store
from agent.publish.outbox.opening import FILE
from tests.unit.publish.journals import answer, event, fill, journal, waiting

if TYPE_CHECKING:
    from pathlib import Path


def test_it_goes_on_where_it_was_whatever_was_answered(tmp_path: Path) -> None:
    first = journal(tmp_path)
    rows = fill(first, 300)
    answer(first, rows[:100])
    answer(first, rows[200:210], "rejected")
    first.write([], 0, 0)
    first.close()
    again = journal(tmp_path)
    assert again.epoch == first.epoch
    bodies = waiting(again)
    assert [body["seq"] for body in bodies] == [*range(101, 201), *range(211, 302)]
    gap = bodies[-1]["data"]
    assert (gap["cause"], gap["from"], gap["to"], gap["count"]) == ("rejected", 201, 210, 10)
    assert again.depth == 191
    assert fill(again, 1)[0].seq == 302
    assert [row.seq for row in again.answered(again.epoch, 1, 400, 0, 1000)] == [*range(1, 101), *range(201, 211)]


@pytest.mark.parametrize("seed", range(40))
def test_damage_anywhere_costs_at_most_what_was_damaged_and_no_id_is_given_twice(tmp_path: Path, seed: int) -> None:
    """Bytes are flipped, overwritten or cut off, in the file or in its log."""
    draw = random.Random(seed)
    first = journal(tmp_path)
    given = {(row.epoch, row.seq) for row in fill(first, 300)}
    files = [tmp_path / FILE]
    if seed % 2:  # as after a kill: the log is still there
        files = [path for path in tmp_path.iterdir() if path.suffix in {".db", ".db-wal"}]
        copies = {path: path.read_bytes() for path in tmp_path.iterdir()}
        first.close()
        for path, data in copies.items():
            path.write_bytes(data)
    else:
        first.close()
    file = draw.choice(files)
    data = bytearray(file.read_bytes())
    kind = draw.randrange(3)
    at = draw.randrange(len(data))
    if kind == 0:
        data[at] ^= 1 << draw.randrange(8)
    elif kind == 1:
        data[at : at + 5000] = draw.randbytes(min(5000, len(data) - at))
    else:
        del data[at:]
    file.write_bytes(data)

    again = journal(tmp_path)
    for body in waiting(again):
        assert (body["epoch"], body["seq"]) in given
    fresh = [row for start in range(3) for row in fill(again, 10, first=1000 + 10 * start)]
    assert len(fresh) >= 30  # more, if there was a gap to be told
    if again.epoch == first.epoch and len(waiting(again)) >= 300:
        assert not {(row.epoch, row.seq) for row in fresh} & given
    if "outbox-corrupt" in again.faults:
        assert list(tmp_path.glob("outbox.corrupt*.db"))
        assert not {row.epoch for row in fresh} & {epoch for epoch, _ in given}
    again.close()


def test_a_text_that_was_changed_on_the_disk_is_not_sent_but_named(tmp_path: Path) -> None:
    """SQLite does not see it: no page is linked wrongly."""
    first = journal(tmp_path)
    fill(first, 10)
    first.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as database, database:
        database.execute("UPDATE events SET body = CAST(replace(body, 'xxx', 'xyx') AS BLOB) WHERE seq = 4")
    again = journal(tmp_path)
    assert [body["seq"] for body in waiting(again)] == [1, 2, 3, 5, 6, 7, 8, 9, 10]
    again.write([], 0, 0)
    gap = waiting(again)[-1]["data"]
    assert (gap["from"], gap["to"], gap["count"], gap["cause"]) == (4, 4, 1, "damaged")
    answer(again, again.after(0, 1000, 1 << 30))
    again.write([], 0, 0)
    replayed = again.answered(again.epoch, 1, 10, 0, 1000)
    assert [row.seq for row in replayed] == [1, 2, 3, 5, 6, 7, 8, 9, 10], "nor is it replayed"


def test_a_file_of_a_newer_version_is_kept_beside(tmp_path: Path) -> None:
    first = journal(tmp_path)
    fill(first, 5)
    first.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        database.execute("PRAGMA user_version = 99")
    again = journal(tmp_path)
    assert "version 99" in again.faults["outbox-newer"]
    assert again.epoch != first.epoch
    assert fill(again, 1)[0].seq == 1
    with closing(sqlite3.connect(tmp_path / "outbox.newer.db")) as database:
        assert database.execute("SELECT count(*) FROM events").fetchone() == (5,)


def test_without_a_disk_it_goes_on_in_memory_under_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "away"
    kept = journal(folder)
    rows = fill(kept, 50)
    assert "outbox-failed" in kept.faults
    assert [body["seq"] for body in waiting(kept)] == list(range(1, 51))
    folder.mkdir()
    kept.write([], 0, 0)
    assert "outbox-failed" in kept.faults, "not tried again with every event"
    monkeypatch.setattr("agent.publish.outbox.journal.RETRY_S", 0.0)
    kept._retry_at = 0.0
    rows += fill(kept, 1, first=50)
    assert not kept.faults
    assert [body["data"]["n"] for body in waiting(kept)] == list(range(51))
    assert len({(row.epoch, row.seq) for row in rows}) == 51
    kept.close()
    assert [body["data"]["n"] for body in waiting(journal(folder))] == list(range(51))


def test_no_id_is_given_twice_when_the_disk_fails_again_and_the_power_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another connection holds the file, which raises as a full disk does."""
    monkeypatch.setattr("agent.publish.outbox.journal.RETRY_S", 0.0)
    monkeypatch.setattr(store, "_BUSY_S", 0.01)
    kept = journal(tmp_path)
    given = fill(kept, 1)
    for n in (1, 3):
        with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            given += fill(kept, 1, first=n)
            assert "outbox-failed" in kept.faults
        if n == 1:
            given += fill(kept, 1, first=2)
            assert not kept.faults
    given += fill(journal(tmp_path), 2, first=100)
    assert len({(row.epoch, row.seq) for row in given}) == len(given) == 6


def test_a_disk_that_fills_up_in_the_middle_of_a_write_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.publish.outbox.journal.RETRY_S", 0.0)
    kept = journal(tmp_path)
    given = fill(kept, 10)
    assert kept._store is not None
    database = kept._store._db
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages + 2}")
    given += fill(kept, 50, first=10)
    assert "full" in kept.faults["outbox-failed"]
    given += fill(kept, 1, first=60)
    assert not kept.faults
    assert [body["data"]["n"] for body in waiting(kept)] == list(range(61))
    assert len({(row.epoch, row.seq) for row in given}) == len({row.n for row in given}) == 61


def test_no_id_is_given_twice_after_what_was_sent_while_the_disk_took_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.publish.outbox.journal.RETRY_S", 0.0)
    monkeypatch.setattr(store, "_BUSY_S", 0.01)
    kept = journal(tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        sent = fill(kept, 3)
        answer(kept, sent)
    kept.write([], 0, 0)
    assert not kept.faults
    again = fill(journal(tmp_path), 3)
    assert not {(row.epoch, row.seq) for row in sent} & {(row.epoch, row.seq) for row in again}


@pytest.mark.parametrize(
    ("durability", "clean", "boot", "same"),
    [
        ("crash", False, "another", False),
        ("crash", False, None, True),
        ("crash", True, "another", True),
        ("power", False, "another", True),
    ],
)
def test_after_a_power_cut_ids_begin_anew_for_the_last_rows_may_be_gone(
    tmp_path: Path, durability: str, clean: bool, boot: str | None, same: bool
) -> None:
    """Only what a cut leaves in the file is made here: a real one takes a machine."""
    kept = journal(tmp_path / "running" if not clean else tmp_path, durability=durability)
    assert kept.faults or clean
    if not clean:
        (tmp_path / "running").mkdir()
        kept._retry_at = 0.0
    fill(kept, 3)
    folder = tmp_path / "left"
    folder.mkdir()
    if clean:
        kept.close()
    for file in (tmp_path if clean else tmp_path / "running").glob(f"{FILE}*"):
        (folder / file.name).write_bytes(file.read_bytes())
    if boot is not None:
        with closing(sqlite3.connect(folder / FILE)) as database, database:
            database.execute("UPDATE meta SET value = ? WHERE key = 'boot'", (boot,))
    assert (journal(folder, durability=durability).epoch == kept.epoch) is same


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE events SET type = CAST(x'ff' AS TEXT) WHERE seq = 4",
        "UPDATE events SET body = 7 WHERE seq = 4",
        "UPDATE events SET seq = 'four' WHERE seq = 4",
    ],
)
def test_one_row_of_nonsense_does_not_hold_up_the_others(tmp_path: Path, damage: str) -> None:
    first = journal(tmp_path)
    fill(first, 6)
    first.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as database, database:
        database.execute("PRAGMA ignore_check_constraints = 1")
        database.execute(damage)
    found = [body["data"]["n"] for body in waiting(journal(tmp_path))]
    assert [n for n in found if n != 3] == [0, 1, 2, 4, 5]


@pytest.mark.parametrize("value", [None, "soon", b"\xff"])
@pytest.mark.parametrize("key", ["answered", "age", "seq"])
def test_a_note_of_nonsense_is_damage(tmp_path: Path, key: str, value: object) -> None:
    first = journal(tmp_path)
    fill(first, 2)
    first.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as database, database:
        database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))
    again = journal(tmp_path)
    assert "outbox-corrupt" in again.faults
    assert fill(again, 1)[0].seq == 1


def test_a_file_that_was_removed_is_noticed_and_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.publish.outbox.journal.RETRY_S", 0.0)
    monkeypatch.setattr("agent.publish.outbox.limits.EVERY_S", 0.0)
    kept = journal(tmp_path)
    fill(kept, 2)
    for file in tmp_path.glob(f"{FILE}*"):
        file.unlink()
    fill(kept, 1, first=2)
    assert "removed" in kept.faults["outbox-failed"]
    fill(kept, 1, first=3)
    assert not kept.faults
    kept.close()
    assert [body["data"]["n"] for body in waiting(journal(tmp_path))][-2:] == [2, 3]


def test_what_was_said_by_numbers_that_are_others_now_touches_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk comes after the start, with rows of a former run under the numbers of those that were in memory."""
    folder, away = tmp_path / "state", tmp_path / "away"
    folder.mkdir()
    former = journal(folder)
    old = [row.seq for row in fill(former, 10)]
    former.close()
    folder.rename(away)
    monkeypatch.setattr("agent.publish.outbox.journal.RETRY_S", 0.0)
    kept = journal(folder)
    rows = fill(kept, 5, first=100)
    kept.write([(3, event(105))], 0, 0)
    answer(kept, rows[2:3], "rejected")
    answer(kept, rows[3:4], "expired")
    away.rename(folder)
    fresh = kept.write([(2, event(106))], 0, 0)
    bodies = waiting(kept)
    assert [body["seq"] for body in bodies if body["epoch"] == former.epoch] == old
    assert [b["data"]["n"] for b in bodies[10:] if b["type"] != "vedette.gap"] == [100, 101, 104, 105, 106]
    gaps = [(b["data"]["cause"], b["data"]["count"]) for b in bodies if b["type"] == "vedette.gap"]
    assert gaps == [("overload", 3), ("rejected", 1), ("expired", 1), ("overload", 2)]
    assert len({(body["epoch"], body["seq"]) for body in bodies}) == len(bodies)
    answer(kept, fresh)
    kept.write([], 0, 0)
    kept.close()
    assert len(waiting(journal(folder))) == len(bodies) - len(fresh)


def test_what_waited_in_memory_is_as_old_as_before_once_the_disk_has_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk brings the age of the runs before, from which all goes on."""
    (tmp_path / "away").mkdir()
    former = journal(tmp_path / "away")
    answer(former, fill(former, 1))
    former.write([], 0, 0)
    former.close()
    with closing(sqlite3.connect(tmp_path / "away" / FILE)) as database, database:
        database.execute("UPDATE meta SET value = value + 5000 WHERE key = 'age'")
    kept = journal(tmp_path / "state")
    fill(kept, 1, age=7.0)
    monkeypatch.setattr("agent.publish.outbox.journal.RETRY_S", 0.0)
    kept._retry_at = 0.0
    (tmp_path / "away").rename(tmp_path / "state")
    kept.write([], 0, 0)
    assert not kept.faults
    assert kept.age.now() > 5000
    assert kept.backlog()[2] == pytest.approx(7, abs=2)
