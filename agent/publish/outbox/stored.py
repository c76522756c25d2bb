"""One event as it lies in the outbox's file, with a checksum of what the broker gets."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple


class Stored(NamedTuple):
    """One event. born: on the age clock. picture: its snapshot's bytes, to be sent to picture_topic.

    sound: False if it was read and is not what was written.
    """

    n: int
    epoch: str
    seq: int
    type: str
    born: float
    body: bytes
    picture_topic: str = ""
    picture: bytes | None = None
    sound: bool = True

    @property
    def size(self) -> int:
        return len(self.body) + len(self.picture or b"")


def from_row(row: tuple[Any, ...]) -> Stored:
    """Of n, epoch, seq, type, born, checksum, body, and the topic and bytes of its picture."""
    n, epoch, seq, kind, born, crc, body, topic, picture = row
    if not sound(seq, crc, body):
        return Stored(n, epoch, seq if isinstance(seq, int) else 0, kind, born, b"", sound=False)
    return Stored(n, epoch, seq, kind, born, body, topic or "", picture)


def sound(seq: object, crc: object, body: object) -> bool:
    """Whether seq and body are what was written."""
    return isinstance(seq, int) and isinstance(body, bytes) and crc == checksum(seq, body)


def checksum(seq: int, body: bytes) -> int:
    """SQLite notices when its pages are not linked as they should be, but not what became of a text."""
    return zlib.crc32(body, seq & 0xFFFFFFFF)
