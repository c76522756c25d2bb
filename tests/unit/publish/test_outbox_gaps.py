"""Gaps: one by cause and epoch, worded anew until it leaves, and never lost themselves."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from agent.config.model import OutboxConfig
from agent.publish.events import Event, Numbered, event_message
from agent.publish.outbox import unwritten
from agent.publish.outbox.journal import Journal
from agent.publish.outbox.outbox import _gap_event
from agent.publish.outbox.send_window import Row
from agent.publish.outbox.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def event(n: int) -> Event:
    return Event("vedette.test", time.time(), synced=True, data={"n": n})


def word(event: Event, n: int, epoch: str, seq: int, born: float) -> Stored:
    return Stored(n, epoch, seq, event.type, born, event_message(event, Numbered(epoch, seq), "gate"))


@pytest.fixture
def book() -> Iterator[Callable[[Path], Journal]]:
    opened: list[Journal] = []

    def open_(folder: Path) -> Journal:
        opened.append(Journal(folder, OutboxConfig(), word, _gap_event))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


def gaps(rows: list[Stored]) -> list[tuple[int, str, int]]:
    """seq, cause and count of each."""
    found: list[dict[str, Any]] = [json.loads(row.body) for row in rows if row.type == "vedette.gap"]
    return [(body["seq"], body["data"]["cause"], body["data"]["count"]) for body in found]


def expire(kept: Journal, rows: list[Stored]) -> None:
    for r in rows:
        kept.settle(Row(r.n, r.epoch, r.seq, "t", r.body, 0.0, 0.0), "expired", "")


def test_what_expires_on_its_way_row_by_row_is_told_once(tmp_path: Path, book: Callable[[Path], Journal]) -> None:
    kept = book(tmp_path)
    rows = kept.write([(0, event(n)) for n in range(100)], 0, 0)
    kept.handed(100)
    expire(kept, rows[:50])
    first = kept.write([], 0, 100)
    assert gaps(first) == [(101, "expired", 50)]
    expire(kept, rows[50:])
    assert gaps(kept.write([], 0, 100)) == [(101, "expired", 100)], "it had not left yet"
    assert gaps(kept.after(100, 100, 1 << 20)) == [(101, "expired", 100)]
    assert kept.missed["expired"] == 100


def test_a_gap_that_has_left_is_never_worded_anew(tmp_path: Path, book: Callable[[Path], Journal]) -> None:
    """Also when the connection was lost before it was answered: somebody may have heard it."""
    kept = book(tmp_path)
    rows = kept.write([(0, event(0)), (3, event(1))], 0, 0)
    kept.handed(rows[-1].n)
    again = kept.write([(4, event(2))], 0, 0)
    assert gaps(rows) == [(5, "overload", 3)]
    assert gaps(again) == [(11, "overload", 4)]


def test_of_two_wordings_in_one_turn_only_the_last_goes_out(tmp_path: Path, book: Callable[[Path], Journal]) -> None:
    kept = book(tmp_path)
    rows = kept.write([(5, event(0)), (7, event(1))], 2, 0)
    assert [row.n for row in rows] == [1, 2, 3]
    assert gaps(rows) == [(6, "overload", 14)]


@pytest.mark.parametrize("handed", [False, True])
def test_in_memory_the_same_holds_and_the_disk_gets_each_id_once(
    tmp_path: Path, book: Callable[[Path], Journal], monkeypatch: pytest.MonkeyPatch, handed: bool
) -> None:
    monkeypatch.setattr("agent.publish.outbox.journal.RETRY_S", 0.0)
    folder = tmp_path / "state"
    kept = book(folder)
    rows = kept.write([(5, event(0))], 0, 0)
    kept.write([(7, event(1))], 0, rows[-1].n if handed else 0)
    told = [(6, "overload", 5), (15, "overload", 7)] if handed else [(6, "overload", 12)]
    assert gaps(kept.after(0, 100, 1 << 20)) == told
    folder.mkdir()
    kept.write([], 0, 0)
    waiting = kept.after(0, 100, 1 << 20)
    assert gaps(waiting) == told
    assert len({(row.epoch, row.seq) for row in waiting}) == len(waiting)


def test_when_memory_is_full_gaps_stay(
    tmp_path: Path, book: Callable[[Path], Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unwritten, "ROWS", 3)
    kept = book(tmp_path / "away")
    kept.write([(5, event(0))], 0, 0)
    for n in range(1, 6):
        kept.write([(0, event(n))], 0, 0)
    kept.write([], 0, 0)
    waiting = kept.after(0, 100, 1 << 20)
    assert gaps(waiting)[0] == (6, "overload", 5)
    told = {cause: count for _, cause, count in gaps(waiting)}
    left = [row for row in waiting if row.type != "vedette.gap"]
    assert told["overflow"] + len(left) == 6
    assert len(waiting) <= 4


def test_in_memory_what_is_settled_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [word(event(n), n, "3c9e", n, 0.0) for n in range(1, 6)]
    monkeypatch.setattr(unwritten, "BYTES", sum(row.size for row in rows[:3]))
    kept = unwritten.Unwritten()
    kept.keep(rows[:3])
    kept.forget(lambda n: n > 2)
    kept.keep(rows[3:])
    assert kept.shed() == []
    assert [row.n for row in kept] == [3, 4, 5]
    kept.keep([word(event(6), 6, "3c9e", 6, 0.0)])
    assert [row.n for row in kept.shed()] == [3]
