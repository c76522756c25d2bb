"""Whether a model's files are still those that were read: labels and shapes of one file fit no other."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from backends.contract import ArtifactError
from backends.formats.digest import digest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from backends.artifact import Artifact, Stamp


def stamps(folder: Path, names: Iterable[str]) -> tuple[Stamp, ...]:
    """Of files in `folder`. Raises OSError."""
    stats = [(name, (folder / name).stat()) for name in names]
    return tuple((name, stat.st_ino, stat.st_size, stat.st_ctime_ns) for name, stat in stats)


def refuse_another(artifact: Artifact) -> None:
    """Raises ArtifactError where other files lie now under the artifact's names than when it was read.

    Only those that somebody has touched are read again, at about a second for 200 MB on a small computer. What cannot
    be read is left to the engine, which knows best what to say of it.
    """
    folder, names = artifact.path.parent, [name for name, *_ in artifact.files]
    with contextlib.suppress(OSError):
        if not names or stamps(folder, names) == artifact.files:
            return
        try:
            found = digest(*(folder / name for name in names))
        except ArtifactError:
            return
        if found != artifact.content:
            raise ArtifactError(
                f"{artifact.path}: the model has changed since it was read; vedette reload takes the new one"
            )
