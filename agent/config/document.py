"""Reading a file that may be anything."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from agent.config.nodes import Position
from agent.config.problems import InvalidError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 256 * 1024


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file of at most LARGEST bytes. Raises InvalidError or OSError, and never blocks."""
    # Without O_NONBLOCK the open itself would wait for a writer if the path is a FIFO.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise InvalidError("is a folder; name the file in it")
        if not stat.S_ISREG(mode):
            raise InvalidError("is not a regular file; write the config into one")
        with open(descriptor, "rb", closefd=False) as file:
            return decode(file.read(LARGEST + 1))
    finally:
        os.close(descriptor)


def decode(data: bytes) -> str:
    """`data` as text. Raises InvalidError if it is no UTF-8 or larger than LARGEST."""
    if len(data) > LARGEST:
        raise InvalidError(f"larger than {LARGEST // 1024} KiB, the limit for a config")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
        raise InvalidError("not UTF-8 text; save the file as UTF-8", Position(line, column)) from None
