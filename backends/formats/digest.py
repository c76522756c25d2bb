"""Which files exactly a model is: the hash of their bytes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from backends.contract import ArtifactError

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1024 * 1024


def digest(*paths: Path) -> str:
    """The sha256 of the files' bytes, one after the other. Raises ArtifactError for one that cannot be read."""
    whole = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    whole.update(chunk)
        except OSError as error:
            raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error
    return whole.hexdigest()
