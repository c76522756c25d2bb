"""Compiled models beside the files they were made of: loading one takes a small part of the time of compiling it anew.

A blob is a sha256, and what that is of: a line about the model, and what the runtime exported. OpenVINO would load a
damaged one in silence, and answer wrong numbers.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any

from backends.atomic import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

KEPT = 4
"""Blobs of one model: its modes, for this version of the runtime and perhaps the one before."""
_DIGEST = hashlib.sha256().digest_size


def place(folder: Path, about: dict[str, Any]) -> Path:
    """Where the blob is that was made of the model in `folder`. about: all that it depends on."""
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    return folder / "cache" / f"{key[:32]}.blob"


def read(blob: Path) -> tuple[bytes, bytes] | None:
    """The line, and what was exported. None where there is no blob, or a damaged one."""
    try:
        with blob.open("rb") as file:
            digest, line, exported = file.read(_DIGEST), file.readline(), file.read()
    except OSError:
        return None
    return (line, exported) if _digest(line, exported) == digest else None


def keep(blob: Path, line: bytes, exported: bytes) -> None:
    """Best effort: in a folder that cannot be written each start compiles anew. Only the newest KEPT are left.

    line: ends with a line break, and has no other.
    """
    with contextlib.suppress(OSError):
        blob.parent.mkdir(exist_ok=True)
        write_atomic(blob, _digest(line, exported) + line + exported, sync=False)
        for old in sorted(blob.parent.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink()


def _digest(line: bytes, exported: bytes) -> bytes:
    digest = hashlib.sha256(line)
    digest.update(exported)
    return digest.digest()
