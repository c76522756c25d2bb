"""Compiles the double of libedgetpu (edgetpu_double.c). It proves nothing of a real chip, its USB or its library."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("edgetpu_double.c")
LIBRARY = "libedgetpu_double.so.1"


def compile_double(folder: Path, compiler: str = "gcc") -> Path:
    """The library, compiled into `folder`; `compiler` may be another machine's (aarch64-linux-gnu-gcc)."""
    library = folder / LIBRARY
    if not library.exists():
        subprocess.run(
            [compiler, "-std=gnu11", "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE)],
            check=True,
            timeout=60,
        )
    return library


def double_path(folder: Path) -> Path:
    """As `compile_double`; skips the test where there is no compiler."""
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler for the double of libedgetpu (apt install gcc)")
    return compile_double(folder)
