"""Wakes a thread that waits in select or poll, from any other: the self-pipe trick."""

from __future__ import annotations

import contextlib
import os
import weakref


class Wakeup:
    """Open as long as anybody has it: others may set it when the one who waited is gone."""

    def __init__(self) -> None:
        self._out, self._in = os.pipe()
        weakref.finalize(self, _close, self._out, self._in).atexit = False  # threads may still wait for it then
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)

    def fileno(self) -> int:
        """Readable once it is set."""
        return self._out

    def set(self) -> None:
        """From any thread; it does not block."""
        with contextlib.suppress(BlockingIOError):  # it is set already
            os.write(self._in, b"\0")

    def clear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._out, 4096)


def _close(*descriptors: int) -> None:
    for fd in descriptors:
        os.close(fd)
