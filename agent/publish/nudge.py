"""Ends another thread's wait for a socket."""

from __future__ import annotations

import contextlib
import os


class Nudge:
    """A file that can be polled: readable from a call until `taken`. Any thread may call it."""

    _file = -1

    def __init__(self) -> None:
        self._file = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def __del__(self) -> None:
        if self._file >= 0:
            os.close(self._file)

    def fileno(self) -> int:
        return self._file

    def __call__(self) -> None:
        os.eventfd_write(self._file, 1)

    def taken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._file)
