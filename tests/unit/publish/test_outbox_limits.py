"""What goes first when there is too much on the disk. Rows are made at once, without the outbox that would."""

from __future__ import annotations

import os
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from agent.publish.outbox.limits import LEAST_BYTES, budget, expire, trim
from agent.publish.outbox.store import Store
from agent.publish.outbox.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MB = 1 << 20
STATUS, UPDATE = "vedette.camera.status", "vedette.track.updated"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "outbox.db", "crash")) as opened:
        yield opened


def fill(store: Store, count: int, kind: str = STATUS, *, size: int = 4000, picture: int = 0) -> None:
    first = store.last + 1
    jpeg = b"p" * picture if picture else None
    with store.transaction():
        store.add(Stored(n, "3c9e", n, kind, 0.0, b"x" * size, "t", jpeg) for n in range(first, first + count))


def numbers(store: Store) -> list[int]:
    return [row.n for row in store.waiting(0, 10_000, 1 << 30)]


@pytest.mark.parametrize(
    ("total", "free", "expected"),
    [
        (100_000, 50_000, 256),  # there is room
        (1000, 90, 20),  # a tenth is for others: 10 of our 30 go
        (100_000, 500, 18),  # of a large volume half a gigabyte
        (1000, 110, 40),  # what is free beyond that may be used
        (1000, 0, LEAST_BYTES // MB),
    ],
)
def test_the_disk_has_room_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int, free: int, expected: int
) -> None:
    volume = SimpleNamespace(f_frsize=4096, f_blocks=total * MB // 4096, f_bavail=free * MB // 4096)
    monkeypatch.setattr(os, "statvfs", lambda _: volume)
    assert budget(256 * MB, 30 * MB, tmp_path) == expected * MB


def test_where_the_volume_cannot_be_asked_the_config_holds(tmp_path: Path) -> None:
    assert budget(256 * MB, 30 * MB, tmp_path / "away") == 256 * MB


def test_nothing_that_waits_goes_while_answered_rows_are_left(store: Store) -> None:
    fill(store, 300)
    store.settled(100, [])
    with store.transaction():
        assert trim(store, store.used() - 100_000, 0) == ([], 0)
    assert numbers(store) == list(range(101, 301))
    assert len(store.between("3c9e", 1, 300, 0, 1000)) < 100


def test_pictures_go_before_events(store: Store) -> None:
    fill(store, 10, picture=20_000)
    fill(store, 400)
    with store.transaction():
        assert trim(store, store.used() - 100_000, 0) == ([], 10)
    assert numbers(store) == list(range(1, 411))


def test_pictures_take_no_more_than_a_quarter_though_there_is_room(store: Store) -> None:
    fill(store, 40, picture=20_000)
    with store.transaction():
        assert trim(store, 4 * MB, 0) == ([], 0)
        assert trim(store, 3 * MB, 0) == ([], 40)
    assert numbers(store) == list(range(1, 41))


@pytest.mark.parametrize("kind", [STATUS, UPDATE])
def test_what_is_on_its_way_stays(store: Store, kind: str) -> None:
    fill(store, 100, kind)
    with store.transaction():
        (cut,), _ = trim(store, 0, 50)
    assert numbers(store)[:50] == list(range(1, 51))
    assert (cut.cause, cut.gap.first, cut.gap.last, cut.gap.count) == ("overflow", 51, 99, 49)


@pytest.fixture
def steps(store: Store) -> Iterator[list[int]]:
    """How many steps SQLite's machine has made in it."""
    made = [0]

    def count() -> None:
        made[0] += 1

    store._db.set_progress_handler(count, 1)
    yield made
    store._db.set_progress_handler(None, 0)


def test_days_of_events_are_not_looked_through_for_what_is_too_old(store: Store, steps: list[int]) -> None:
    """Once a second, on the disk of a small computer."""
    with store.transaction():
        store.add(Stored(n, "e", n, UPDATE, float(n), b"x") for n in range(1, 20_001))
    steps[0] = 0
    for answered in (0, 20_000):
        store.settled(answered, [])
        cut = expire(store, 110.0, 100.0, 0)
        assert [one.numbers for one in cut] == ([] if answered else [(*range(1, 10),)])
    assert store.last_of("e") == 20_000
    assert steps[0] < 5000


def test_pictures_are_counted_when_as_many_were_added_as_may_be_too_much(store: Store, steps: list[int]) -> None:
    fill(store, 100, size=1, picture=1000)
    assert not store.pictures_beyond(100_000)
    steps[0] = 0
    assert not store.pictures_beyond(100_000)
    assert steps[0] == 0
    fill(store, 1, size=1, picture=1000)
    assert store.pictures_beyond(100_000)
    with store.transaction():
        store.drop_pictures([1])
    assert not store.pictures_beyond(100_000)


@pytest.mark.parametrize("answered", [0, 4])
def test_a_row_whose_age_became_nonsense_holds_up_no_other(store: Store, answered: int) -> None:
    fill(store, 4)
    store._db.execute("UPDATE events SET born = 'x' WHERE n = 1")
    store.settled(answered, [])
    expire(store, 110.0, 100.0, 0)
    assert store._db.execute("SELECT n FROM events ORDER BY n").fetchall() == [(1,), (4,)]
