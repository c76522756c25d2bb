"""OpenVINO's cache of compiled models, held to digests: it loads a damaged blob in silence, and answers wrong numbers.

<cache>/<hash>.blob is OpenVINO's; <hash>.blob.sha256 beside it is ours.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from backends.contract import ArtifactError
from backends.formats.digest import digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def guarded(folder: Path) -> Iterator[bool]:
    """Whether the cache may be used within the block. A blob without its digest is removed: it is compiled again.

    The digests of blobs that were written meanwhile are noted afterwards. Costs one reading of the folder's blobs.
    """
    try:
        sound = {blob: _touched(blob) for blob in folder.glob("*.blob") if _is_sound(blob)}
    except OSError:
        yield False
        return
    yield True
    with contextlib.suppress(OSError, ArtifactError):
        for blob in folder.glob("*.blob"):
            if sound.get(blob) != _touched(blob):
                _note(blob).write_text(digest(blob))


def _is_sound(blob: Path) -> bool:
    """Raises OSError where one that is not cannot be removed."""
    with contextlib.suppress(OSError, ArtifactError, ValueError):
        if _note(blob).read_text() == digest(blob):
            return True
    blob.unlink(missing_ok=True)
    return False


def _note(blob: Path) -> Path:
    return blob.with_name(f"{blob.name}.sha256")


def _touched(blob: Path) -> tuple[int, int, int]:
    stat = blob.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
