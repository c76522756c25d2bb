"""A command that comes twice is executed once: what was answered is kept, and said again.

Those that change something are on the disk before they are executed, so a copy that comes after a restart finds that
its command was begun.
"""

from __future__ import annotations

import base64
import json
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.atomic import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE = "commands.json"
MOST = 256
KEPT_S = 15 * 60.0
"""Copies come within seconds; after this the same words are a new wish."""
LARGEST = 16 << 10
"""A longer answer is not kept."""

log = logging.getLogger("vedette.commands")


@dataclass(slots=True)
class Known:
    """One command that was begun. at: monotonic. answer: None until there is one. lasting: it stands on the disk.

    before: it is of an earlier run.
    """

    at: float
    lasting: bool
    answer: bytes | None = None
    before: bool = False


class Copies:
    """folder: the state directory. wall: the clock, which only tells over a restart; steady: monotonic seconds.

    So no step of the clock makes anything new within a run.
    """

    def __init__(
        self, folder: Path, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._file = StateFile(folder / FILE, log, sync=True)
        self._wall = wall
        self._steady = steady
        self._known: dict[str, Known] = {}  # oldest first
        self._file.read(self._load, "a command that comes again may be executed again")

    def _load(self, saved: Any) -> None:
        for entry in saved["commands"]:
            answer = entry["answer"]
            kept = None if answer is None else base64.b64decode(answer)
            age = max(0.0, self._wall() - float(entry["at"]))
            if age <= KEPT_S:
                known = Known(self._steady() - age, lasting=True, answer=kept, before=True)
                self._known[str(entry["key"])] = known

    def find(self, key: str) -> Known | None:
        """None: it is new."""
        known = self._known.get(key)
        if known is not None and self._steady() - known.at > KEPT_S:
            del self._known[key]
            return None
        return known

    def begin(self, key: str, *, lasting: bool) -> None:
        """Before it is executed. Beyond the bound those that only read are forgotten first."""
        while len(self._known) >= MOST:
            reading = (key for key, known in self._known.items() if not known.lasting)
            del self._known[next(reading, next(iter(self._known)))]
        self._known[key] = Known(self._steady(), lasting)
        if lasting:
            self._save()

    def answered(self, key: str, answer: bytes) -> None:
        """A copy hears the same; one whose answer is too long is forgotten, and executed again."""
        known = self._known.get(key)
        if known is None:
            return
        if len(answer) > LARGEST:
            del self._known[key]
            return
        known.answer = answer
        if known.lasting:
            self._save()

    def _save(self) -> None:
        ahead = self._wall() - self._steady()
        kept = [
            {"key": key, "at": known.at + ahead, "answer": _text(known.answer)}
            for key, known in self._known.items()
            if known.lasting
        ]
        self._file.write(json.dumps({"version": 1, "commands": kept}))


def _text(answer: bytes | None) -> str | None:
    return None if answer is None else base64.b64encode(answer).decode()
