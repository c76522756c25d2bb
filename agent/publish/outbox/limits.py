"""What the outbox may take on the disk and how long, and what goes first when it is too much."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.publish.outbox.gaps import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agent.config.model import OutboxConfig
    from agent.publish.outbox.store import Store

KEPT_S = 24 * 3600.0
"""How long answered rows are kept to be replayed."""
PICTURES_SHARE = 0.25
FREE_SHARE, FREE_BYTES = 0.1, 512 << 20
"""Left free on the volume for others: a tenth, but not more than half a gigabyte."""
LEAST_BYTES = 2 << 20
EVERY_S, EVERY_BYTES = 1.0, 1 << 20
_NEAR = 0.95
_CHUNK = 256
SHRINK_PAGES = 512
"""Given back to the file system at once, two megabytes, so that no transaction takes long."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows that will never be sent, by cause."""

    cause: str
    gap: Gap
    epoch: str
    numbers: tuple[int, ...]


class Limits:
    """When it is looked at, and what is done then. Owned by the journal; folder: where its file lies."""

    def __init__(self, folder: Path, config: OutboxConfig) -> None:
        self._folder = folder
        self._config = config
        self._at = 0.0
        self._added = 0
        self._oversized = False

    def due(self, now: float) -> bool:
        """now: time.monotonic()."""
        return now >= self._at or self._added >= EVERY_BYTES

    def add(self, size: int) -> None:
        """So many bytes were written since."""
        self._added += size

    def keep(self, store: Store, age: float, fed: int) -> tuple[list[Cut], int]:
        """What was cut, and how many pictures. age: now on the age clock. fed: as `expire`. In a transaction."""
        cut, pictures = expire(store, age, self._config.max_age, fed), 0
        used = store.used()
        most = budget(self._config.max_bytes, used, self._folder)
        if used > most * _NEAR:
            trimmed, pictures = trim(store, int(most * _NEAR), fed)
            cut += trimmed
        self._oversized = store.size() > most * _NEAR
        return cut, pictures

    def kept(self, store: Store, now: float) -> None:
        """To be called once the transaction with `keep` is through."""
        self._at, self._added = now + EVERY_S, 0
        if self._oversized:
            store.shrink(SHRINK_PAGES)


def budget(most: int, used: int, folder: Path) -> int:
    """How many bytes may be used now. most: `outbox.max_bytes`."""
    try:
        volume = os.statvfs(folder)
    except OSError:
        return most
    wanted = min(FREE_SHARE * volume.f_blocks * volume.f_frsize, FREE_BYTES)
    short = wanted - volume.f_bavail * volume.f_frsize
    return int(max(LEAST_BYTES, min(most, used - short)))


def expire(store: Store, now: float, max_age: float, fed: int) -> list[Cut]:
    """Deletes what is too old. now: age clock. fed: rows up to this one are on their way and stay. In a transaction."""
    store.delete(store.answered_rows(_CHUNK, now - min(KEPT_S, max_age)))
    rows = _after(store.waiting_rows(_CHUNK, older_than=now - max_age), fed)
    store.delete([n for n, _, _ in rows])
    return cuts("expired", rows)


def trim(store: Store, most: int, fed: int) -> tuple[list[Cut], int]:
    """Deletes until `most` bytes are used: answered rows, then updates, then pictures, then the oldest.

    Gaps stay. Returns what was cut, and how many pictures. In a transaction; one call does a bounded part of it.
    """
    cut: list[Cut] = []
    pictures = store.oldest_pictures(_CHUNK) if store.pictures_beyond(int(PICTURES_SHARE * most)) else []
    store.drop_pictures(pictures)
    dropped = len(pictures)
    for _ in range(8):
        if store.used() <= most:
            break
        answered = store.answered_rows(_CHUNK)
        if answered:
            store.delete(answered)
            continue
        rows = _after(store.waiting_updates(_CHUNK), fed)
        if not rows and (pictures := store.oldest_pictures(_CHUNK)):
            store.drop_pictures(pictures)
            dropped += len(pictures)
            continue
        rows = rows or _after(store.waiting_rows(2 * _CHUNK), fed)
        if not rows:
            break
        store.delete([n for n, _, _ in rows])
        cut += cuts("overflow", rows)
    return cut, dropped


def cuts(cause: str, rows: Iterable[tuple[int, str, int]]) -> list[Cut]:
    """rows: n, epoch, seq. One cut per epoch."""
    by_epoch: dict[str, list[tuple[int, int]]] = {}
    for n, epoch, seq in rows:
        by_epoch.setdefault(epoch, []).append((n, seq))
    return [
        Cut(
            cause,
            Gap(min(s for _, s in found), max(s for _, s in found), len(found)),
            epoch,
            tuple(n for n, _ in found),
        )
        for epoch, found in by_epoch.items()
    ]


def _after(rows: list[tuple[int, str, int]], fed: int) -> list[tuple[int, str, int]]:
    return [row for row in rows if row[0] > fed]
