"""Long work, shown: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from types import TracebackType

_WIDTH = 30
_LINE_SECONDS = 5.0


class Progress:
    """Callable with (phase, done 0..1), as `backends.contract.Progress`. Use it as a context manager."""

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._bar = self._stream.isatty()
        self._phase = ""
        self._last = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar and self._phase:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def __call__(self, phase: str, done: float) -> None:
        now = time.monotonic()
        done = min(max(done, 0.0), 1.0)
        if self._bar:
            filled = round(done * _WIDTH)
            self._stream.write(f"\r\x1b[K{self._what}: {phase} [{'#' * filled}{'.' * (_WIDTH - filled)}] {done:4.0%}")
            self._stream.flush()
        elif phase != self._phase or now - self._last > _LINE_SECONDS:
            self._stream.write(f"{self._what}: {phase} {done:.0%}\n")
            self._stream.flush()
            self._last = now
        self._phase = phase
