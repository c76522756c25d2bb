"""Journals of an outbox with events of SIZE bytes; `close_all` ends those that a test has opened."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from agent.config.model import OutboxConfig
from agent.publish.events import Event, Numbered, event_message
from agent.publish.outbox.journal import Journal
from agent.publish.outbox.outbox import _gap_event
from agent.publish.outbox.send_window import Row
from agent.publish.outbox.stored import Stored

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 1000


def event(n: int, *, age: float = 0.0, kind: str = "vedette.camera.status") -> Event:
    data = {"n": n, "error": "x" * (SIZE - 300)}
    return Event(kind, time.time(), True, data, "yard", happened=time.monotonic() - age)


def word(event: Event, n: int, epoch: str, seq: int, born: float) -> Stored:
    return Stored(n, epoch, seq, event.type, born, event_message(event, Numbered(epoch, seq), "gate"))


_OPENED: list[Journal] = []


def journal(folder: Path, **config: Any) -> Journal:
    """Closed when the test ends, at the latest."""
    _OPENED.append(Journal(folder, OutboxConfig(**config), word, _gap_event))
    return _OPENED[-1]


def fill(kept: Journal, count: int, first: int = 0, **more: Any) -> list[Stored]:
    rows = []
    for start in range(first, first + count, 100):
        batch = [(0, event(n, **more)) for n in range(start, min(start + 100, first + count))]
        rows += kept.write(batch, 0, 0)
    return rows


def waiting(kept: Journal) -> list[dict[str, Any]]:
    """Everything that is still to be sent, in order."""
    found: list[Stored] = []
    while rows := kept.after(found[-1].n if found else 0, 1000, 1 << 30):
        found += rows
    return [json.loads(row.body) for row in found]


def answer(kept: Journal, rows: list[Stored], outcome: Any = "sent") -> None:
    for r in rows:
        kept.settle(Row(r.n, r.epoch, r.seq, "t", r.body, 0.0, 0.0), outcome, "Not authorized")


def close_all() -> None:
    while _OPENED:
        _OPENED.pop().close()
