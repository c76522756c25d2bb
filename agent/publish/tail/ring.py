"""The handler that keeps the last lines, and hands on what somebody reads now."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

from agent.publish.tail.line import RAW, Line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LAST = 200
PENDING = 500
"""Live lines that may wait to be sent; what comes beyond is counted."""


class Ring(logging.Handler):
    """Any thread logs; one takes. fields: attributes of a record that are told with it, if it has them.

    Cheap for a flood: a line costs its words and a place in a queue; secrets are looked for when it is sent.
    wake: called when the first live line waits, on whatever thread logs; it must only note.
    """

    def __init__(self, fields: Sequence[str] = (), wake: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.wake = wake
        self._fields = tuple(fields)
        self._last: deque[Line] = deque(maxlen=LAST)
        self._pending: deque[Line] = deque()
        self._wanted: Callable[[Line], bool] | None = None
        self._dropped = 0
        self._held = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._line(record)
        except Exception:  # noqa: BLE001 - as every handler of logging: what cannot be logged must not end its caller
            self.handleError(record)
            return
        first = False
        with self._held:
            self._last.append(line)
            if self._wanted is not None and self._wanted(line):
                if len(self._pending) >= PENDING:
                    self._dropped += 1
                else:
                    self._pending.append(line)
                    first = len(self._pending) == 1
        if first:
            self.wake()

    def _line(self, record: logging.LogRecord) -> Line:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + (record.exc_text or logging.Formatter().formatException(record.exc_info))
        own = {name.lower(): str(getattr(record, name)) for name in self._fields if hasattr(record, name)}
        return Line(record.created, record.levelno, record.name.removeprefix("vedette."), text[:RAW], own)

    def last(self) -> list[Line]:
        """The last lines, oldest first."""
        with self._held:
            return list(self._last)

    def listen(self, wanted: Callable[[Line], bool] | None) -> None:
        """Which live lines are kept for `take`; None for none. wanted: called by whoever logs, so it must be cheap."""
        with self._held:
            self._wanted = wanted
            if wanted is None:
                self._pending.clear()
                self._dropped = 0

    @property
    def waiting(self) -> bool:
        return bool(self._pending) or self._dropped > 0

    def take(self, most: int) -> tuple[list[Line], int]:
        """Live lines, and how many were dropped, since the last call."""
        with self._held:
            dropped, self._dropped = self._dropped, 0
            return [self._pending.popleft() for _ in range(min(most, len(self._pending)))], dropped
