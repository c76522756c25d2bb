"""What outlives the daemon: the number of the next track, the totals of the lines, the labels that were counted.

One small file, written whole. The labels are kept since a broker keeps their counts: after a restart they must be told
again, even if nobody of that label ever comes. What a line counted is written at once, in a crowd once a second: else
the total of a daemon that is killed would be smaller at the next start, though totals only grow. No track number is
given twice.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Any

from agent.atomic import write_atomic

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
        self._path = folder / FILE
        self._wake = wake
        self._lock = threading.Lock()
        self._lines: dict[str, Totals] = {}
        self._labels: dict[str, list[str]] = {}
        self._changed = self._crossed = self._failed = False
        self._saved_at = float("-inf")
        first = 1
        try:
            saved = json.loads(self._path.read_text())
            first = max(1, int(saved["next_track_id"]))
            self._lines = _totals(saved["lines"])
            self._labels = {camera: [str(label) for label in found] for camera, found in saved["labels"].items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as e:
            first = int(time.time())  # beyond any number that was given
            log.warning("cannot read %s (%s): line counts start over", self._path, e)
            self._keep_aside()
        self._reserved = first
        self._numbers = count(first)
        self._drawn = first - 1

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
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self._path, text, sync=True)
            self._reserved, self._failed = reserved, False
        except OSError as e:
            self._changed = True
            if not self._failed:  # once, not once a second
                log.warning("cannot write %s: %s", self._path, e.strerror)
            self._failed = True

    def _keep_aside(self) -> None:
        try:
            self._path.replace(self._path.with_suffix(".unreadable"))
        except OSError:
            log.warning("cannot rename %s", self._path)


def _totals(saved: Any) -> dict[str, Totals]:
    return {
        camera: {
            line: {label: (int(into), int(out), float(since)) for label, (into, out, since) in labels.items()}
            for line, labels in lines.items()
        }
        for camera, lines in saved.items()
    }
