"""What is at a path, where we may look: since Python 3.14 `Path.exists` and its like say no where nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def file_mode(path: Path) -> int:
    """Its `st_mode`, 0 where nothing is. Raises OSError where that cannot be told, as in a folder closed to us."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return 0
