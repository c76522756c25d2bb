"""Opening the outbox's file: what cannot be used is put aside, never thrown away."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from agent.publish.outbox.store import NewerError, Store

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

FILE = "outbox.db"
_ASIDE = 9
"""Files put aside at most; the last one is written over."""

log = logging.getLogger("vedette.outbox")


class Opened(NamedTuple):
    """store: None where nothing can be written now. code, text: a fault to tell of, empty without."""

    store: Store | None
    code: str = ""
    text: str = ""


def open_store(folder: Path, durability: Literal["crash", "power"]) -> Opened:
    """The outbox in `folder`. Never raises: what it finds is renamed if it is damaged or of a newer version."""
    path = folder / FILE
    try:
        return Opened(Store(path, durability))
    except NewerError as error:
        found = Opened(None, "outbox-newer", f"{path} is of a newer vedette ({error}): it is kept as")
    except (sqlite3.Error, OSError, ValueError, TypeError) as error:
        if not damaged(error):
            return Opened(None, "outbox-failed", f"{path} cannot be used: {error}")
        found = Opened(None, "outbox-corrupt", f"{path} is damaged ({error}): it is kept as")
    return _anew(path, durability, found)


def damaged(error: Exception) -> bool:
    """Whether the file itself is at fault, and not the disk it lies on."""
    if isinstance(error, sqlite3.OperationalError):
        return str(error).startswith(("no such ", "malformed"))
    return isinstance(error, (sqlite3.DatabaseError, ValueError, TypeError))


def _anew(path: Path, durability: Literal["crash", "power"], found: Opened) -> Opened:
    kind = found.code.removeprefix("outbox-")
    try:
        aside = put_aside(path, kind)
        store = Store(path, durability)
    except (sqlite3.Error, NewerError, OSError) as error:
        return Opened(None, "outbox-failed", f"{path} cannot be used: {error}")
    text = f"{found.text} {aside.name}"
    log.error("%s, and a new one is started", text)
    return Opened(store, found.code, text)


def put_aside(path: Path, kind: str) -> Path:
    """Renames the file and its log. kind: why, for the new name. Raises OSError."""
    names = [path.with_name(f"{path.stem}.{kind}{number or ''}{path.suffix}") for number in range(_ASIDE)]
    aside = next((name for name in names if not name.exists()), names[-1])
    path.replace(aside)
    for tail in ("-wal", "-shm"):
        log_file = path.with_name(path.name + tail)
        if log_file.exists():
            log_file.replace(aside.with_name(aside.name + tail))
    return aside
