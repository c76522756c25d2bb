"""A folder to work in, on the file system where the result will lie, so that it is renamed there and not copied."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = ".vedette-export-"
_STALE_SECONDS = 24 * 3600.0


@contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """In `folder`, which is made where it is missing; gone when the block ends. Raises OSError.

    What an export that was killed left there a day ago is removed as well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another export may be ending
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(dir=folder, prefix=PREFIX))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
