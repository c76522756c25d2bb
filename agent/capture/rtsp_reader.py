"""The reading side of an RTSP connection: packets as they come, messages within a deadline."""

from __future__ import annotations

import fcntl
import io
import termios
import time
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Any

from agent.capture.source import SourceError

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from agent.capture.source import Stop

LONGEST_LINE = 8192
BUFFER = 1 << 16


class Reader:
    """Raises SourceError where the connection ends, is silent for `timeout` seconds, or brings what is no RTSP.

    `line`, `body` and `at` are for use under `within` only, `packet` outside of it.
    """

    def __init__(self, connection: socket.socket, timeout: float, stop: Stop) -> None:
        self._socket = connection
        self._source = _Counted(connection.makefile("rb", 0))
        self._file = io.BufferedReader(self._source, BUFFER)
        self._taken = 0
        self._timeout = timeout
        self._stop = stop
        self._until = 0.0

    @contextmanager
    def within(self, until: float = inf) -> Iterator[None]:
        """All of it is to be here within `timeout` seconds, however small the pieces. A stop ends it between two.

        until: time.monotonic() at which it is late in any case.
        """
        self._until = min(time.monotonic() + self._timeout, until)
        yield
        self._socket.settimeout(self._timeout)

    def packet(self, size: int) -> bytes:
        """That many bytes, by the fastest way."""
        try:
            data = self._take(size)
        except (OSError, ValueError) as error:
            raise self._lost(error, f"no data for {self._timeout:g} s") from error
        if len(data) < size:
            raise SourceError("the camera closed the connection")
        return data

    @property
    def more(self) -> bool:
        """Whether another byte is here already."""
        unread = fcntl.ioctl(self._socket.fileno(), termios.FIONREAD, bytes(4))
        return self._source.count > self._taken or any(unread)

    def line(self) -> bytes:
        """With its end."""
        line = b""
        while not line.endswith(b"\n"):
            if len(line) >= LONGEST_LINE:
                raise SourceError("this is not RTSP")
            here = self._here()
            line += self._take(min(here.find(b"\n") + 1 or len(here), LONGEST_LINE - len(line)))
        return line

    def body(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += self._take(min(len(self._here()), size - len(data)))
        return data

    def at(self, start: bytes) -> bool:
        """Whether the next byte is this one; it stays where it is."""
        return self._here().startswith(start)

    def _here(self) -> bytes:
        """What can be read without a wait, at least a byte."""
        late = f"no answer within {self._timeout:g} s"
        rest = self._until - time.monotonic()
        if rest <= 0 or self._stop():
            raise SourceError(late)
        self._socket.settimeout(rest)
        try:
            here = self._file.peek()
        except (OSError, ValueError) as error:
            raise self._lost(error, late) from error
        if not here:
            raise SourceError("the camera closed the connection")
        return here

    def _take(self, size: int) -> bytes:
        data = self._file.read(size)
        self._taken += len(data)
        return data

    def _lost(self, error: Exception, late: str) -> SourceError:
        return SourceError(late if isinstance(error, TimeoutError) else "the camera closed the connection")

    def close(self) -> None:
        self._file.close()


class _Counted(io.RawIOBase):
    """count: bytes read from the connection so far."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self.count = 0
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        size: int | None = self._raw.readinto(buffer)
        self.count += size or 0
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()
