"""What the outbox may take on the disk and how long, and what goes first when it is too much."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.publish.outbox.gaps import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agent.publish.outbox.store import Store

KEPT_S = 24 * 3600.0
"""How long answered rows are kept to be replayed."""
PICTURES_SHARE = 0.25
FREE_SHARE, FREE_BYTES = 0.1, 512 << 20
"""Left free on the volume for others: a tenth, but not more than half a gigabyte."""
LEAST_BYTES = 2 << 20
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
    rows = [row for row in store.waiting_rows(_CHUNK, older_than=now - max_age) if row[0] > fed]
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
