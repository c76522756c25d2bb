"""What is free goes back to the system, in heaps of other threads, too; and what stays is not gone through again."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import weakref

import pytest

from agent.runtime.memory_trim import ALL_EVERY, END, EVERY_S, MemoryTrim

PIECE, PIECES = 16 << 10, 2000


@pytest.fixture(autouse=True)
def _thawed() -> object:
    yield
    gc.unfreeze()


SCATTERED = f"""
import ctypes, threading
from agent.runtime import machine, memory_trim

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]

def fill():
    pieces = [ctypes.memset(libc.malloc({PIECE}), 1, {PIECE}) for _ in range({PIECES})]
    for n, piece in enumerate(pieces):
        if n % 50:
            libc.free(piece)

memory_trim.MemoryTrim().turn(0)  # else what is free already is filled first
before = machine.own_resident_bytes()
thread = threading.Thread(target=fill)
thread.start()
thread.join()
print(machine.own_resident_bytes() - before)
memory_trim.MemoryTrim().turn(0)
print(machine.own_resident_bytes() - before)
"""


def test_pages_that_are_free_go_back() -> None:
    """Of fifty pieces one is kept: the heap cannot shrink from its end, and by itself next to nothing goes back."""
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("this C library is not glibc")
    held, left = map(int, subprocess.check_output([sys.executable, "-c", SCATTERED], timeout=30).split())
    assert held > PIECE * PIECES / 2, "nothing was held: the test shows nothing"
    assert left < held / 4


FILLED = f"""
import ctypes, threading
from agent.runtime import machine, memory_trim

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
pieces = [0] * {PIECES}

def fill():
    for n in range({PIECES}):
        pieces[n] = ctypes.memset(libc.malloc({PIECE}), 1, {PIECE})
    for piece in reversed(pieces):
        libc.free(piece)

if BOUND:
    memory_trim.MemoryTrim()
libc.free(libc.malloc(24 << 20))
before = machine.own_resident_bytes()
thread = threading.Thread(target=fill)
thread.start()
thread.join()
print(machine.own_resident_bytes() - before)
"""


def test_the_ends_of_heaps_go_back_at_once() -> None:
    """Also after something large has, from when on glibc by itself keeps twice as much at the end of each heap."""
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("this C library is not glibc")
    kept = {
        bound: int(subprocess.check_output([sys.executable, "-c", FILLED.replace("BOUND", str(bound))], timeout=30))
        for bound in (False, True)
    }
    assert kept[False] > PIECE * PIECES / 2
    assert kept[True] < 2 * END + PIECE * PIECES / 16


class Knot:
    def __init__(self) -> None:
        self.itself = self


def test_garbage_is_collected_once_a_minute() -> None:
    gc.disable()
    try:
        memory_trim = MemoryTrim()
        memory_trim.turn(100)
        knot = weakref.ref(Knot())
        memory_trim.turn(100 + EVERY_S - 1)
        assert knot() is not None
        memory_trim.turn(100 + EVERY_S)
        assert knot() is None
    finally:
        gc.enable()


def test_what_was_there_before_is_left_alone_for_an_hour() -> None:
    knot = Knot()
    known = weakref.ref(knot)
    memory_trim = MemoryTrim()
    memory_trim.turn(0)
    assert gc.get_freeze_count() > 1000
    del knot
    for turn in range(1, ALL_EVERY + 1):
        assert known() is not None
        memory_trim.turn(turn * EVERY_S)
    assert known() is None
