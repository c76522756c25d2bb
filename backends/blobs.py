"""Compiled models beside the files they were made of: reading one takes half as long as reading and compiling a model.

A blob is the sha256 of what the runtime exported, and that. OpenVINO would load a damaged one in silence, and answer
wrong numbers.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any

from backends.whole import write_whole

if TYPE_CHECKING:
    from pathlib import Path

KEPT = 4
"""Blobs of one model: its modes, for this version of the runtime and perhaps the one before."""
_DIGEST = hashlib.sha256().digest_size


def place(folder: Path, about: dict[str, Any]) -> Path:
    """Where the blob is that was made of the model in `folder`. about: all that it depends on."""
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    return folder / "cache" / f"{key[:32]}.blob"


def read(blob: Path) -> bytes | None:
    """None where there is none, or a damaged one."""
    try:
        whole = blob.read_bytes()
    except OSError:
        return None
    content = whole[_DIGEST:]
    return content if hashlib.sha256(content).digest() == whole[:_DIGEST] else None


def keep(blob: Path, content: bytes) -> None:
    """Best effort: in a folder that cannot be written each start compiles anew. Only the newest KEPT are left."""
    with contextlib.suppress(OSError):
        blob.parent.mkdir(exist_ok=True)
        write_whole(blob, hashlib.sha256(content).digest() + content, sync=False)
        for old in sorted(blob.parent.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink()
