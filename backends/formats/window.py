"""A file read by ranges: a model of any size costs only the bytes that are looked at."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from backends.contract import ArtifactError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_BLOCK = 64 * 1024
MAX_READ = 16 * 1024 * 1024
MAX_READS = 2_000_000
MAX_TOTAL = 512 * 1024 * 1024


def whole(path: Path, most: int) -> bytes:
    """The bytes of a regular file; never waits for a FIFO, nor reads on without an end.

    Raises OSError, or ValueError where it is no such file or has more than `most` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{path}: is not a regular file")
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"{path}: more than {most} bytes")
    return data


class Window:
    """Read-only access to a file.

    A read outside it, one larger than MAX_READ, and more than MAX_READS or MAX_TOTAL bytes of them are
    ArtifactErrors: so no file, however made, can cost more than seconds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise ArtifactError(f"{path}: cannot be opened: {error.strerror}") from error
        self.size = os.fstat(self._fd).st_size
        self._start, self._block = 0, b""
        self._reads, self._total = 0, 0

    def __enter__(self) -> Window:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def read(self, start: int, length: int) -> bytes:
        """Exactly `length` bytes from `start`."""
        self._reads += 1
        self._total += max(length, 0)
        # In a flatbuffer, a thousand small entries may all point at the same large one.
        if self._reads > MAX_READS or self._total > MAX_TOTAL:
            raise self.broken("it has too many parts for a model")
        if start < 0 or not 0 <= length <= MAX_READ or start + length > self.size:
            raise self.broken(f"byte {start}, {length} long, is outside its {self.size} bytes")
        if start < self._start or start + length > self._start + len(self._block):
            self._start, self._block = start, self._fill(start, max(length, _BLOCK))
        begin = start - self._start
        data = self._block[begin : begin + length]
        if len(data) != length:
            raise self.broken("it became shorter while it was read")
        return data

    def head(self, length: int) -> bytes:
        """At most `length` bytes from the start."""
        return self.read(0, min(length, self.size))

    def broken(self, what: str) -> ArtifactError:
        return ArtifactError(f"{self.path}: damaged or truncated: {what}")

    def _fill(self, start: int, length: int) -> bytes:
        try:
            return os.pread(self._fd, length, start)
        except OSError as error:
            raise ArtifactError(f"{self.path}: cannot be read: {error.strerror}") from error
