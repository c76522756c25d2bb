"""A file out of a zip archive that was appended to a model.

Format: PKWARE's APPNOTE.TXT, sections 4.3.6 (the whole) and 4.3.16 (the end of the central directory).
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backends.formats.window import Window

MAX_MEMBER = 4 * 1024 * 1024
MAX_DIRECTORY = 1024 * 1024
_END, _END_SIZE, _MAX_COMMENT = b"PK\x05\x06", 22, 65535
_ZIP64, _ZIP64_SIZE = b"PK\x06\x07", 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Of the others one may claim gigabytes of memory for its dictionary."""


def appended(window: Window, ending: str) -> bytes:
    """The first member whose name ends so; b"" without one, where the archive is broken, or beyond a limit.

    The module of the standard library reads the whole directory into memory first, so its size is looked at before.
    """
    if not 0 < _directory(window) <= MAX_DIRECTORY:
        return b""
    try:
        with zipfile.ZipFile(window.path) as archive:
            member = next((item for item in archive.infolist() if item.filename.endswith(ending)), None)
            if member is None or member.file_size > MAX_MEMBER or member.compress_type not in _METHODS:
                return b""
            with archive.open(member) as file:
                return file.read(MAX_MEMBER)
    except (zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, RuntimeError, EOFError, OverflowError):
        return b""


def _directory(window: Window) -> int:
    """The bytes of the directory as the end of the archive says, 0 without one or where it is one of zip64."""
    tail = min(window.size, _END_SIZE + _MAX_COMMENT)
    data = window.read(window.size - tail, tail)
    at = data.rfind(_END)
    if at < 0 or at + _END_SIZE > len(data):
        return 0
    if at >= _ZIP64_SIZE and data.startswith(_ZIP64, at - _ZIP64_SIZE):
        return 0  # the true size would stand elsewhere
    size: int = struct.unpack_from("<I", data, at + 12)[0]
    return size
