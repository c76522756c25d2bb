"""An outbox that cannot be used is put aside, within bounds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from agent.publish.outbox.opening import FILE, open_store

if TYPE_CHECKING:
    from pathlib import Path


def opened(folder: Path) -> tuple[bool, str, str]:
    """Whether it can be used now, and what was wrong."""
    store, code, text = open_store(folder, "crash")
    if store is not None:
        store.close()
    return store is not None, code, text


def test_what_is_put_aside_is_kept_nine_times_and_then_the_last_goes(tmp_path: Path) -> None:
    for n in range(11):
        (tmp_path / FILE).write_text(f"damaged {n}")
        assert opened(tmp_path)[:2] == (True, "outbox-corrupt")
    kept = {path.name: path.read_text() for path in tmp_path.glob("outbox.corrupt*.db")}
    assert kept == {f"outbox.corrupt{n or ''}.db": f"damaged {n if n < 8 else 10}" for n in range(9)}


def test_a_file_without_its_tables_is_damaged(tmp_path: Path) -> None:
    assert opened(tmp_path) == (True, "", "")
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        database.execute("DROP TABLE ahead")
    usable, code, text = opened(tmp_path)
    assert (usable, code) == (True, "outbox-corrupt")
    assert "outbox.corrupt.db" in text
    assert opened(tmp_path) == (True, "", "")


def test_a_file_that_can_be_neither_used_nor_moved_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    usable, code, text = opened(tmp_path)
    assert (usable, code) == (False, "outbox-failed")
    assert str(tmp_path / FILE) in text
    assert (tmp_path / FILE).is_dir()
