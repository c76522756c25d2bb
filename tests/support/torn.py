"""An outbox's process that is killed in the middle of a write, once at each of its writes.

    python -m tests.support.torn FOLDER EVERY

Runs with torn.c preloaded (`play` does that). A fork keeps events and dies; its parent opens what it left, and prints
one line of JSON for each: what was known to be committed, and what was found. EVERY: of so many writes, one is torn.
It proves nothing of a power cut, which also loses what the kernel had not written yet.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from agent.config.model import OutboxConfig
from agent.publish.events import Event, Numbered, event_message
from agent.publish.outbox import store
from agent.publish.outbox.journal import Journal
from agent.publish.outbox.outbox import _gap_event
from agent.publish.outbox.send_window import Row
from agent.publish.outbox.stored import Stored

BATCHES = (1, 4, 40, 2, 1, 60, 3)
"""Events in each commit; after each, half of those before are answered."""
LOG_BYTES = 64 << 10
"""So that the log is copied into the file several times, and begun anew."""
LIBRARY = "torn.so"


def play(folder: Path, every: int) -> list[dict[str, Any]]:
    """What was found, one after each torn write. Needs gcc."""
    library = folder / LIBRARY
    source = str(Path(__file__).with_suffix(".c"))
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-o", str(library), source, "-ldl"], check=True, timeout=60)
    command = [sys.executable, "-m", __spec__.name, str(folder), str(every)]
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    found = subprocess.run(command, env=environment, check=True, timeout=120, stdout=subprocess.PIPE)
    return [json.loads(line) for line in found.stdout.splitlines()]


def opened(folder: Path) -> Journal:
    return Journal(folder, OutboxConfig(), _word, _gap_event)


def _word(event: Event, n: int, epoch: str, seq: int, born: float) -> Stored:
    return Stored(n, epoch, seq, event.type, born, event_message(event, Numbered(epoch, seq), "gate"))


def _event(n: int) -> Event:
    return Event("vedette.test", time.time(), True, {"n": n, "text": "x" * 600})


def _keep(folder: Path, told: int) -> None:
    """Tells through the pipe what is committed: the epoch, the last seq, and the last that is answered."""
    book = opened(folder)
    rows: list[Stored] = []
    for size in BATCHES:
        rows += book.write([(0, _event(n)) for n in range(size)], 0, 0)
        answered = book.progress.answered
        os.write(told, f"{book.epoch} {rows[-1].seq} {answered}\n".encode())
        for row in rows[answered : (answered + len(rows)) // 2]:
            book.settle(Row(row.n, row.epoch, row.seq, "events", row.body, 0.0, 0.0), "sent", "")
    book.close()


def _found(folder: Path, told: str) -> dict[str, Any]:
    epoch, seq, answered = told.split() if told else ("", "0", "0")
    book = opened(folder)
    waiting = [row.seq for row in book.after(0, 10_000, 1 << 30)]
    (after,) = book.write([(0, _event(0))], 0, 0)
    found = {
        "committed": int(seq),
        "answered": int(answered),
        "epoch_kept": book.epoch == epoch if epoch else None,
        "waiting": waiting,
        "answered_found": book.progress.answered,
        "next": after.seq,
        "faults": book.faults,
    }
    book.close()
    return found


def _torn(folder: Path, nth: int) -> tuple[str, bool]:
    """What it told last, and whether it came to its own end before the n-th write."""
    reading, told = os.pipe()
    child = os.fork()
    if not child:
        ctypes.CDLL(None).torn_after(ctypes.c_long(nth))
        _keep(folder, told)
        os._exit(0)
    os.close(told)
    with os.fdopen(reading) as pipe:
        lines = pipe.read().splitlines()
    _, status = os.waitpid(child, 0)
    return lines[-1] if lines else "", status == 0


def main(folder: Path, every: int) -> None:
    store.WAL_BYTES = LOG_BYTES
    ended, nth = False, 1
    while not ended:
        place = folder / str(nth)
        place.mkdir()
        told, ended = _torn(place, nth)
        print(json.dumps({"write": nth, "ended": ended} | _found(place, told)))
        nth += every


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
