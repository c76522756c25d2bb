"""The protobuf wire format, just enough to walk ONNX and TensorFlow graphs.

Encoding: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backends.formats.window import Window

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Field(NamedTuple):
    """number: the field's. value: of a varint. start, end: where the bytes of a length-delimited one lie."""

    number: int
    wire: int
    value: int
    start: int
    end: int


def fields(window: Window, start: int, end: int) -> Iterator[Field]:
    """The fields of the message in [start, end), in file order; nested ones are not entered.

    Raises ArtifactError for anything that is no such message.
    """
    at = start
    while at != end:
        tag, at = _varint(window, at, end)
        number, wire = tag >> 3, tag & 7
        value, first = 0, at
        if wire == _VARINT:
            value, at = _varint(window, at, end)
        elif wire == _BYTES:
            length, first = _varint(window, at, end)
            at = first + length
        elif wire in {_FIXED32, _FIXED64}:
            at += 4 if wire == _FIXED32 else 8
        else:
            raise window.broken(f"wire type {wire} at byte {at}")
        if at > end or number == 0:
            raise window.broken(f"field {number} at byte {first} reaches beyond byte {end}")
        yield Field(number, wire, value, first, at)


def submessages(window: Window, start: int, end: int, number: int) -> Iterator[Field]:
    """The length-delimited fields of that number."""
    return (item for item in fields(window, start, end) if item.number == number and item.wire == _BYTES)


def text(window: Window, item: Field) -> str:
    return window.read(item.start, item.end - item.start).decode("utf-8", "replace")


def signed(value: int) -> int:
    """A varint read as int64."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _varint(window: Window, at: int, end: int) -> tuple[int, int]:
    data = window.read(at, min(10, max(end - at, 0)))
    value = 0
    for index, byte in enumerate(data):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & (1 << 64) - 1, at + index + 1
    raise window.broken(f"no number at byte {at}")
