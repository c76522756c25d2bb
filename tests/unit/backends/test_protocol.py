"""The words and the memory that the daemon and a worker share."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from backends.protocol import (
    MAX_DETECTIONS,
    MAX_LINE,
    LineReader,
    ProtocolError,
    SlotLayout,
    encode,
    encode_done,
    encode_run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pipe() -> Iterator[tuple[LineReader, int]]:
    """A reader that does not wait, and the descriptor to write to it."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield LineReader(reading), writing
    for fd in (reading, writing):
        with suppress(OSError):
            os.close(fd)


@pytest.mark.parametrize(("height", "width"), [(300, 300), (1, 1), (31, 33), (512, 640)])
def test_no_slot_lies_on_another_and_each_begins_a_page(height: int, width: int) -> None:
    layout = SlotLayout(height, width, 3)
    memory = memoryview(bytearray(layout.size))
    assert layout.stride % 4096 == 0
    for slot in range(3):
        layout.image(memory, slot)[:] = slot + 1
        layout.results(memory, slot)[:] = slot + 0.5
    for slot in range(3):
        image, results = layout.image(memory, slot), layout.results(memory, slot)
        assert (image.shape, results.shape) == ((height, width, 3), (MAX_DETECTIONS, 6))
        assert (image == slot + 1).all()
        assert (results == slot + 0.5).all()


def test_the_words_of_every_frame_are_those_of_the_others() -> None:
    assert json.loads(encode_run(1, 42, 0.25)) == json.loads(encode("run", slot=1, n=42, floor=0.25))
    done = {"slot": 1, "n": 42, "count": 3, "start": 1234.5, "infer_ms": 6.25}
    assert json.loads(encode_done(**done)) == json.loads(encode("done", **done))  # type: ignore[arg-type]


def test_messages_come_whole_however_they_were_cut(pipe: tuple[LineReader, int]) -> None:
    reader, fd = pipe
    words = b"".join(encode("done", n=n) for n in range(3))
    assert reader.drain() == []
    os.write(fd, words[:20])
    got = reader.drain()
    os.write(fd, words[20:])
    got += reader.drain()
    assert [message["n"] for message in got] == [0, 1, 2]
    assert not reader.ended
    os.close(fd)
    assert reader.drain() == []
    assert reader.ended


def test_at_the_end_there_is_no_message(pipe: tuple[LineReader, int]) -> None:
    reader, fd = pipe
    os.write(fd, encode("mapped") + b'{"op":"do')
    os.close(fd)
    assert reader.read() == {"op": "mapped"}
    assert reader.read() is None


@pytest.mark.parametrize("line", [b"hello", b"[1]", b'{"n":1}', b'{"op":7}', b"\xff", b"[" * 4000])
def test_what_is_no_message_is_said_to_be_none(pipe: tuple[LineReader, int], line: bytes) -> None:
    reader, fd = pipe
    os.write(fd, line + b"\n")
    with pytest.raises(ProtocolError):
        reader.drain()


def test_a_message_without_an_end_is_not_waited_for_for_ever(pipe: tuple[LineReader, int]) -> None:
    reader, fd = pipe
    for _ in range(MAX_LINE // 4096):
        os.write(fd, b"x" * 4096)
        assert reader.drain() == []
    os.write(fd, b"x")
    with pytest.raises(ProtocolError, match=str(MAX_LINE)):
        reader.drain()
