"""A bell that other threads ring and one thread selects on."""

from __future__ import annotations

import contextlib
import os
import weakref


class Bell:
    """Open as long as anybody has it: others may ring when the one who listened is gone."""

    def __init__(self) -> None:
        self._out, self._in = os.pipe()
        weakref.finalize(self, _close, self._out, self._in).atexit = False  # threads may still wait for it then
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)

    def fileno(self) -> int:
        """Readable once it has been rung."""
        return self._out

    def ring(self) -> None:
        """From any thread; it does not block."""
        with contextlib.suppress(BlockingIOError):  # it rings already
            os.write(self._in, b"\0")

    def heard(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._out, 4096)


def _close(*descriptors: int) -> None:
    for fd in descriptors:
        os.close(fd)
