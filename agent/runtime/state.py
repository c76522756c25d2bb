"""What outlives the daemon: the number of the next track, the totals of the lines, the labels that were counted.

One small file, written whole. The labels are kept since a broker keeps their counts: after a restart they must be told
again, even if nobody of that label ever comes. What a line counted is written at once, in a crowd once a second: else
the total of a daemon that is killed would be smaller at the next start, though totals only grow. No track number is
given twice.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Any

from agent.atomic import StateFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

log = logging.getLogger("vedette.state")

FILE = "scenes.json"
_AHEAD = 10_000
"""Track numbers that may be given before the file is written again."""
_APART_S = 1.0
"""Between two writes for what lines count: each waits for the disk, which a crowd must not wear out."""

Totals = dict[str, dict[str, tuple[int, int, float]]]
"""By line, then by label: in, out, and since when (wall clock)."""


class SceneState:
    """`turn` and `save` belong to the main thread; `ids` may be drawn from, and totals told, on any.

    wake: called when lines have counted, on whatever thread tells it; it must only note.
    """

    def __init__(self, folder: Path, wake: Callable[[], None] = lambda: None) -> None:
        self.folder = folder
        self._file = StateFile(folder / FILE, log, sync=True)
        self._wake = wake
        self._lock = threading.Lock()
        self._lines: dict[str, Totals] = {}
        self._labels: dict[str, list[str]] = {}
        self._changed = self._crossed = False
        self._saved_at = float("-inf")
        self._reserved = 1
        if not self._file.read(self._load, "line counts start over"):
            self._reserved = int(time.time())  # beyond any number that was given
            self._keep_aside()
        self._numbers = count(self._reserved)
        self._drawn = self._reserved - 1

    def _load(self, saved: Any) -> None:
        self._reserved = max(1, int(saved["next_track_id"]))
        self._lines = _totals(saved["lines"])
        self._labels = {camera: [str(label) for label in found] for camera, found in saved["labels"].items()}

    def ids(self) -> Iterator[int]:
        """Numbers of tracks, each once in the device's life."""
        return iter(self._draw, 0)

    def _draw(self) -> int:
        number = next(self._numbers)
        self._drawn = max(self._drawn, number)
        return number

    def totals(self, camera: str) -> Totals:
        with self._lock:
            return {line: dict(labels) for line, labels in self._lines.get(camera, {}).items()}

    def total(self, camera: str, line: str, label: str, total: tuple[int, int, float]) -> None:
        with self._lock:
            totals = self._lines.setdefault(camera, {}).setdefault(line, {})
            self._crossed |= total != totals.get(label)
            totals[label] = total
            self._changed = True

    def told(self) -> None:
        """To be called after each `total` of a frame: they are written together."""
        if self._crossed:
            self._wake()

    def labels(self, camera: str) -> tuple[str, ...]:
        """Those whose counts have been told, in this run or before."""
        with self._lock:
            return tuple(self._labels.get(camera, ()))

    def counted(self, camera: str, label: str) -> None:
        with self._lock:
            known = self._labels.setdefault(camera, [])
            if label not in known:
                known.append(label)
                self._changed = True

    def due(self) -> float:
        """time.monotonic() at which `turn` is wanted."""
        return self._saved_at + _APART_S if self._crossed else float("inf")

    def turn(self, now: float) -> None:
        """Writes what lines have counted. now: time.monotonic()."""
        if now >= self.due():
            self._saved_at = now
            self.save()

    def save(self, *, ending: bool = False) -> None:
        """Writes what has changed. ending: no track will be numbered after this, so none need be reserved."""
        with self._lock:
            short = self._drawn >= self._reserved - _AHEAD // 2
            if not (self._changed or short or ending):
                return
            self._changed = self._crossed = False
            following = self._drawn + 1
            reserved = following if ending else following + _AHEAD
            body = {"version": 1, "next_track_id": reserved, "lines": self._lines, "labels": self._labels}
            text = json.dumps(body)
        with contextlib.suppress(OSError):  # then it cannot be written either
            self.folder.mkdir(parents=True, exist_ok=True)
        if self._file.write(text):
            self._reserved = reserved
        else:
            self._changed = True

    def _keep_aside(self) -> None:
        path = self._file.path
        try:
            path.replace(path.with_suffix(".unreadable"))
        except OSError:
            log.warning("cannot rename %s", path)


def _totals(saved: Any) -> dict[str, Totals]:
    return {
        camera: {
            line: {label: (int(into), int(out), float(since)) for label, (into, out, since) in labels.items()}
            for line, labels in lines.items()
        }
        for camera, lines in saved.items()
    }
