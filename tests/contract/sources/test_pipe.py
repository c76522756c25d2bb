"""What comes through a child's pipe, whole or not: real children, which write what a broken program might."""

from __future__ import annotations

import re
import select
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from agent.capture import pipe
from agent.capture.pipe import LARGEST, PipeSource
from agent.capture.source import SourceError

if TYPE_CHECKING:
    from agent.capture.source import Decoded

WRITES = "import os, sys, time; f = open(int(sys.argv[1]), 'wb', 0); "
HEAD = "f.write(b'YUV4MPEG2 W4 H2 F30:1 C420\\n'); "
PICTURE = "f.write(b'FRAME\\n' + bytes(range(16))); "


class Child(PipeSource):
    name, decoder, missing, hint = "the child", "a child", "", ""

    def __init__(self, code: str) -> None:
        super().__init__(lambda fd: [sys.executable, "-c", WRITES + code, str(fd)], 3.0, lambda: False)


def read(code: str) -> list[Decoded]:
    source = Child(code)
    found: list[Decoded] = []
    with pytest.raises(SourceError, match="the child ended"):
        found.extend(source.frames())
    source.close()
    return found


def test_a_picture_and_its_time() -> None:
    first, second = read(HEAD + PICTURE + "f.write(b'FRAME XTIME=1500000000\\n' + bytes(16))")
    assert first.picture.y.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert first.picture.u is not None
    assert first.picture.u.tolist() == [[8, 9]]
    assert (first.pts, second.pts) == (None, 1.5)
    assert first.arrived <= second.arrived <= time.monotonic()


def test_rows_are_as_long_as_it_says() -> None:
    (frame,) = read("f.write(b'YUV4MPEG2 W4 H2 F30:1 C420 XSTRIDE=8\\nFRAME\\n' + bytes(range(24)))")
    assert frame.picture.y.tolist() == [[0, 1, 2, 3], [8, 9, 10, 11]]
    assert frame.picture.v is not None
    assert frame.picture.v.tolist() == [[20, 21]]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("f.write(os.urandom(300).replace(b'\\n', b' '))", "the child gives no pictures that can be read"),
        ("f.write(b'GIF89a\\n')", "the child gives no pictures but b'GIF89a'"),
        ("f.write(b'YUV4MPEG2 W4 F30:1\\n')", "gives no pictures but"),
        ("f.write(b'YUV4MPEG2 W0 H2 F30:1\\n')", "unsupported frame size 0x2"),
        (f"f.write(b'YUV4MPEG2 W{LARGEST // 2048} H2048 F30:1\\n')", "unsupported frame size"),
        ("f.write(b'YUV4MPEG2 W8 H2 F30:1 XSTRIDE=6\\n')", "unsupported frame size 8x2 (row stride 6 bytes)"),
        ("f.write(b'YUV4MPEG2 W8 H2'); f.close()", "the child ended"),
        ("f.write(b'YUV4MPEG2'); time.sleep(9)", "no picture for 3 s"),
        ("sys.exit('ERROR: on purpose')", "the child ended: ERROR: on purpose"),
        ("sys.exit('first\\nno such file')", "the child ended: no such file"),
        ("print('[1] ERROR of a library\\nERROR: mine', file=sys.stderr)", "the child ended: ERROR: mine"),
    ],
)
def test_no_beginning_is_refused(code: str, words: str) -> None:
    with pytest.raises(SourceError) as told:
        Child(code)
    assert words in told.value.reason


def test_one_that_closes_its_errors_is_waited_for_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dozen looks within a second, at most; not as many as the processor can do."""
    looks = []

    def look(*waiting: Any) -> Any:
        looks.append(waiting)
        return select.select(*waiting)

    monkeypatch.setattr(pipe, "select", SimpleNamespace(select=look))
    source = Child(HEAD + "os.close(2); time.sleep(1); " + PICTURE)
    assert next(source.frames()).picture.y.shape == (2, 4)
    source.close()
    assert len(looks) < 200


class Talker(Child):
    range_told = re.compile(rb"range (?P<full>full)?")


def test_what_it_says_of_the_range_holds_and_no_more_is_kept_of_what_it_says(tmp_path: Path) -> None:
    """More than a pipe holds: were it not read, the child would wait for us."""
    talk = "print('x' * 300000, 'range full', 'x' * 300000, flush=True); "
    taken = tmp_path / "taken"
    waits = f"\nwhile not os.path.exists({str(taken)!r}): time.sleep(0.01)\n"
    source = Talker(talk + HEAD + PICTURE + waits + talk.replace("full", "") + PICTURE + PICTURE)
    frames = source.frames()
    assert next(frames).picture.full_range
    taken.touch()
    next(frames)
    assert not next(frames).picture.full_range
    assert len(source._talk) <= pipe.LONGEST_WORDS
    source.close()


def test_one_that_says_nothing_of_the_range_is_soon_not_waited_for() -> None:
    source = Talker(HEAD + PICTURE + "time.sleep(1); " + PICTURE)
    assert not next(source.frames()).picture.full_range
    source.close()
    source = Talker("sys.stdout.close(); os.close(1); " + HEAD + PICTURE)
    assert not next(source.frames()).picture.full_range
    source.close()


@pytest.mark.parametrize("command", [["x\0y"], ["/no/such/program"]])
def test_what_cannot_be_started_leaves_nothing_open(command: list[str]) -> None:
    class Never(PipeSource):
        name, decoder, missing, hint = "the child", "a child", "", ""

    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(SourceError, match="cannot be started"):
        Never(lambda _: command, 1.0, lambda: False)
    with pytest.raises(ZeroDivisionError):
        Never(lambda _: [str(1 // 0)], 1.0, lambda: False)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("f.write(b'YUV4MPEG2 W8 H4 F30:1\\n')", "the child has changed what it gives"),
        ("f.write(b'\\0' * 4000)", "the child gives no pictures that can be read"),
        ("f.write(b'FRAME\\n123')", "the child ended"),
        ("f.write(b'FRAME\\n123'); time.sleep(9)", "no picture for 3 s"),
    ],
)
def test_what_breaks_off_is_no_picture(code: str, words: str) -> None:
    source = Child(HEAD + PICTURE + code)
    frames = source.frames()
    next(frames)
    with pytest.raises(SourceError) as told:
        next(frames)
    source.close()
    source.close()
    assert words in told.value.reason
