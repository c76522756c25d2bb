"""The outbox's SQLite file: events and their pictures, what was answered, and how old they are.

Owned by one thread. A row is sent only after the transaction that holds it.

    events    n (order of sending, rising over epochs), epoch, seq, type, born (on the age clock), crc, body
    pictures  n, topic, body                     beside the events, so that these stay small
    ahead     first, last                        answered, while an older one is not
    parked    n, reason                          refused by the broker: kept, and not sent again by itself
    meta      epoch, and the last seq in it; answered: each row up to it is; age, boot, boottime: see `age.py`;
              clean: whether the run before closed the file, having sent nothing more; refused_gaps: see that module

What was answered is one number and a few more, so that an answer never writes an event's page a second time. The
version is SQLite's user_version.
"""

from __future__ import annotations

import contextlib
import sqlite3
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal

from agent.publish.outbox.stored import checksum, from_row, sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from agent.publish.outbox.stored import Stored

VERSION = 1
WAL_BYTES = 1 << 20
CACHE_KIB = 256
"""Rows are written, read once and left alone: SQLite's 2 MB would only fill over the first hours."""
_PAGE = 4096
_BUSY_S = 2.0
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE events (
    n INTEGER PRIMARY KEY, epoch TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, born REAL NOT NULL,
    crc INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE pictures (n INTEGER PRIMARY KEY, topic TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE ahead (first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE parked (n INTEGER PRIMARY KEY, reason TEXT NOT NULL);
"""
_AHEAD = "coalesce((SELECT last FROM ahead WHERE first <= n ORDER BY first DESC LIMIT 1), 0)"
_WAITING = f"n > ? AND n > {_AHEAD} AND n NOT IN (SELECT n FROM parked)"  # noqa: S608 - ours
_DATED = "typeof(born) = 'real'"
"""Not of a row that became nonsense: it must not hold up the others."""
_ROWS = (
    "SELECT e.n, e.epoch, e.seq, e.type, e.born, e.crc, e.body, p.topic, p.body"
    " FROM events e LEFT JOIN pictures p USING (n)"
)


class NewerError(Exception):
    """Written by a newer version of this program."""


class Store:
    """Raises sqlite3.Error from every method, after which nothing of the open transaction has happened."""

    def __init__(self, path: Path, durability: Literal["crash", "power"]) -> None:
        """Opens or makes it. Raises NewerError, and sqlite3.Error where it is corrupt or cannot be written."""
        self._db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        self._db.text_factory = _text
        self._path, self._durability = path, durability
        try:
            self._prepare(durability)
            self._inode = path.stat().st_ino
            self.meta: dict[str, Any] = dict(self._db.execute("SELECT key, value FROM meta"))
            for key in ("answered", "seq", "age", "boottime"):  # what is none is damage, and shows here
                float(self.meta.setdefault(key, 0))
            self.answered = int(self.meta["answered"])
            ahead = self._db.execute("SELECT first, last FROM ahead ORDER BY first")
            self.ahead = [(int(first), int(last)) for first, last in ahead]
            self.last = max(self.answered, self._db.execute("SELECT coalesce(max(n), 0) FROM events").fetchone()[0])
            self._updates_from = 0
            self._pictures = float("inf")  # bytes, at most
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, durability: Literal["crash", "power"]) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise NewerError(f"version {version}, where {VERSION} is known")
        if version == 0:
            self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA synchronous = {'FULL' if durability == 'power' else 'NORMAL'}")
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._db.execute(f"PRAGMA wal_autocheckpoint = {WAL_BYTES // _PAGE}")
        self._db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        if version == 0:
            with self.transaction():
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {VERSION}")
        (found,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(found)

    @property
    def in_place(self) -> bool:
        """Whether the file still lies where it was opened: what is written to a removed one nobody finds again."""
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    @contextlib.contextmanager
    def transaction(self, *, sync: bool = False) -> Iterator[None]:
        """sync: on the disk when it ends, whatever the durability."""
        if sync:
            self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
            if sync and self._durability == "crash":
                self._db.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    def note(self, **values: str | float) -> None:
        """Keeps values beside the rows, by name."""
        self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def add(self, rows: Iterable[Stored]) -> None:
        rows = list(rows)
        self._db.executemany(
            "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((row.n, row.epoch, row.seq, row.type, row.born, checksum(row.seq, row.body), row.body) for row in rows),
        )
        self._db.executemany(
            "INSERT OR REPLACE INTO pictures VALUES (?, ?, ?)",
            ((row.n, row.picture_topic, row.picture) for row in rows if row.picture is not None),
        )
        self._pictures += sum(len(row.picture or b"") for row in rows)
        self.last = max((self.last, *(row.n for row in rows)))

    def waiting(self, after: int, most: int, size: int) -> list[Stored]:
        """The next rows that were not answered, in order; at most `most`, and few beyond `size` bytes."""
        found: list[Stored] = []
        query = f"{_ROWS} WHERE e.{_WAITING} ORDER BY e.n LIMIT ?"
        for row in map(from_row, self._db.execute(query, (max(after, self.answered), most))):
            found.append(row)
            size -= len(row.body) + len(row.picture or b"")
            if size <= 0:
                break
        return found

    def newest(self, glob: str, most: int) -> Iterator[tuple[str, bytes]]:
        """Type and body of rows of the types that `glob` means, among the newest `most`: the newest first."""
        query = "SELECT seq, type, crc, body FROM events WHERE n > ? AND type GLOB ? ORDER BY n DESC"
        for seq, kind, crc, body in self._db.execute(query, (self.last - most, glob)):
            if sound(seq, crc, body):
                yield kind, body

    def between(self, epoch: str, first: int, last: int, after: int, most: int) -> list[Stored]:
        """Answered rows by their seq, those with n above `after`, without their pictures."""
        query = (
            "SELECT n, epoch, seq, type, born, crc, body, NULL, NULL FROM events"  # noqa: S608 - ours
            f" WHERE epoch = ? AND seq BETWEEN ? AND ? AND n > ? AND (n <= ? OR n <= {_AHEAD}) ORDER BY n LIMIT ?"
        )
        return [from_row(row) for row in self._db.execute(query, (epoch, first, last, after, self.answered, most))]

    def backlog(self) -> tuple[int, int, float | None]:
        """Of the rows that wait: how many, their bytes, and when the oldest was born."""
        query = f"SELECT count(*), coalesce(sum(length(body)), 0), min(born) FROM events WHERE {_WAITING}"  # noqa: S608
        number, size, born = self._db.execute(query, (self.answered,)).fetchone()
        return number, size, born

    def settle(self, answered: int, ahead: Iterable[tuple[int, int]], parked: Iterable[tuple[int, str]]) -> None:
        """answered: each row up to it is. ahead: spans beyond that. parked: rows the broker refused just now."""
        self.note(answered=answered)
        self._db.executemany("INSERT OR IGNORE INTO parked VALUES (?, ?)", parked)
        spans = list(ahead)
        if spans != self.ahead:
            before, after = set(self.ahead), set(spans)
            self._db.executemany("DELETE FROM ahead WHERE first = ? AND last = ?", before - after)
            self._db.executemany("INSERT INTO ahead VALUES (?, ?)", after - before)

    def settled(self, answered: int, ahead: Iterable[tuple[int, int]]) -> None:
        """To be called once the transaction with `settle` is through."""
        self.answered, self.ahead = answered, list(ahead)

    def drop_pictures(self, numbers: Iterable[int]) -> None:
        self._db.executemany("DELETE FROM pictures WHERE n = ?", ((n,) for n in numbers))

    def oldest_pictures(self, most: int) -> list[int]:
        return [n for (n,) in self._db.execute("SELECT n FROM pictures ORDER BY n LIMIT ?", (most,))]

    def pictures_beyond(self, most: int) -> bool:
        """Whether pictures take more bytes. They are only counted when as many were added as might make it so."""
        if self._pictures > most:
            (self._pictures,) = self._db.execute("SELECT coalesce(sum(length(body)), 0) FROM pictures").fetchone()
        return self._pictures > most

    def answered_rows(self, most: int, older_than: float = float("inf")) -> list[int]:
        """The oldest that are only kept to be replayed. The very last row stays: it holds the place of n and seq.

        Up to the first that is younger, here and in `waiting_rows`: days of events are not looked through for more.
        """
        query = f"SELECT n, born FROM events WHERE n <= ? AND n < ? AND {_DATED} ORDER BY n LIMIT ?"  # noqa: S608
        rows = self._db.execute(query, (self.answered, self.last, most))
        return [n for n, _ in takewhile(lambda row: row[1] < older_than, rows)]

    def waiting_rows(self, most: int, *, older_than: float = float("inf")) -> list[tuple[int, str, int]]:
        """n, epoch and seq of the oldest that wait, without gaps."""
        query = (
            f"SELECT n, epoch, seq, born FROM events WHERE {_WAITING} AND n < ? AND type != 'vedette.gap'"  # noqa: S608
            f" AND {_DATED} ORDER BY n LIMIT ?"
        )
        rows = self._db.execute(query, (self.answered, self.last, most))
        return [(n, epoch, seq) for n, epoch, seq, _ in takewhile(lambda row: row[3] < older_than, rows)]

    def waiting_updates(self, most: int) -> list[tuple[int, str, int]]:
        """The same for `vedette.track.updated` alone; what was looked through once is not looked through again."""
        query = (
            f"SELECT n, epoch, seq FROM events WHERE {_WAITING} AND n < ? AND type = 'vedette.track.updated'"  # noqa: S608
            " ORDER BY n LIMIT ?"
        )
        found = list(self._db.execute(query, (max(self.answered, self._updates_from), self.last, most)))
        self._updates_from = found[-1][0] if found else self.last - 1
        return found

    def delete(self, numbers: Sequence[int]) -> None:
        for table in ("events", "pictures", "parked"):
            self._db.executemany(f"DELETE FROM {table} WHERE n = ?", ((n,) for n in numbers))  # noqa: S608

    def used(self) -> int:
        """Bytes of the file that hold something, and of its log at its largest."""
        pages: int = self._db.execute("PRAGMA page_count").fetchone()[0]
        free: int = self._db.execute("PRAGMA freelist_count").fetchone()[0]
        return (pages - free) * _PAGE + WAL_BYTES

    def size(self) -> int:
        """Bytes of the file, and of its log at its largest."""
        pages: int = self._db.execute("PRAGMA page_count").fetchone()[0]
        return pages * _PAGE + WAL_BYTES

    def shrink(self, pages: int) -> None:
        """Gives free pages back to the file system; a transaction of its own. What fails is tried again some time.

        `execute` would take one step of the pragma, which is one page; the file ends earlier from the checkpoint on.
        """
        with contextlib.suppress(sqlite3.Error):
            self._db.executescript(f"PRAGMA incremental_vacuum({pages}); PRAGMA wal_checkpoint(PASSIVE);")

    def last_of(self, epoch: str) -> int:
        """The highest seq of an epoch, which its newest rows have."""
        newest = "SELECT seq FROM events WHERE epoch = ? AND typeof(seq) = 'integer' ORDER BY n DESC LIMIT 100"
        seq: int = self._db.execute(f"SELECT coalesce(max(seq), 0) FROM ({newest})", (epoch,)).fetchone()[0]  # noqa: S608
        return seq

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._db.close()


def _text(raw: bytes) -> str:
    """One broken word must not keep all rows from being read."""
    return raw.decode(errors="replace")
