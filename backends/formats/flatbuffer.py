"""FlatBuffers, just enough to walk a TFLite model.

Format: https://flatbuffers.dev/internals/
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backends.formats.window import Window

MAX_ITEMS = 100_000
MAX_TEXT = 16 * 1024


class Table:
    """A table at byte `at`. Every offset is checked against the file; an absent field is its default."""

    def __init__(self, window: Window, at: int) -> None:
        self.window, self.at = window, at
        self._vtable = at - self._number("<i", at)
        self._slots = (self._number("<H", self._vtable) - 4) // 2

    @classmethod
    def root(cls, window: Window) -> Table:
        (at,) = struct.unpack("<I", window.read(0, 4))
        return cls(window, at)

    def scalar(self, slot: int, code: str) -> int:
        """The number in a slot, 0 where there is none; code: a struct format such as "b" or "i"."""
        at = self._field(slot)
        return 0 if at is None else int(self._number("<" + code, at))

    def table(self, slot: int) -> Table | None:
        at = self._target(slot)
        return None if at is None else Table(self.window, at)

    def text(self, slot: int) -> str:
        at = self._target(slot)
        return "" if at is None else self._text(at)

    def numbers(self, slot: int, code: str, most: int = MAX_ITEMS) -> tuple[Any, ...]:
        """A vector of at most that many scalars."""
        at = self._target(slot)
        if at is None:
            return ()
        count = self._count(at, most)
        return struct.unpack(f"<{count}{code}", self.window.read(at + 4, count * struct.calcsize("<" + code)))

    def tables(self, slot: int, most: int = MAX_ITEMS) -> Iterator[Table]:
        """A vector of at most that many tables."""
        at = self._target(slot)
        for index in range(0 if at is None else self._count(at, most)):
            entry = (at or 0) + 4 + 4 * index
            yield Table(self.window, entry + self._number("<I", entry))

    def _text(self, at: int) -> str:
        length = self._number("<I", at)
        if length > MAX_TEXT:
            raise self.window.broken(f"a name of {length} bytes; {MAX_TEXT} is the limit")
        return self.window.read(at + 4, length).decode("utf-8", "replace")

    def _count(self, at: int, most: int = MAX_ITEMS) -> int:
        count = self._number("<I", at)
        if count > most:
            raise self.window.broken(f"a list of {count} items; {most} is the limit")
        return count

    def _field(self, slot: int) -> int | None:
        if slot >= self._slots:
            return None
        offset = self._number("<H", self._vtable + 4 + 2 * slot)
        return self.at + offset if offset else None

    def _target(self, slot: int) -> int | None:
        at = self._field(slot)
        return None if at is None else at + self._number("<I", at)

    def _number(self, code: str, at: int) -> int:
        value: int = struct.unpack(code, self.window.read(at, struct.calcsize(code)))[0]
        return value
