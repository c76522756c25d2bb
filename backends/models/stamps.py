"""Whether anybody has touched a file that a model was read from."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from backends.contract import ArtifactError
from backends.formats.sniff import read_model
from backends.models import sidecar
from backends.models.twins import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from backends.formats.modelfile import ModelFile


def sources(path: Path) -> tuple[Path, ...]:
    """`path`, then all else that is read for this model and its twins, with their folders. Raises ArtifactError."""
    main = read_model(path)
    found = [path, *_of(main)]
    for twin in files(main.path):
        found += (twin, twin.parent)
        with contextlib.suppress(ArtifactError):  # what opens it says why
            found += _of(read_model(twin))
    return tuple(dict.fromkeys(found))


def _of(model: ModelFile) -> Iterator[Path]:
    yield from (model.path.parent, *model.files)
    for beside in (sidecar.beside(model.path), sidecar.own(model.path)):
        if labels := sidecar.labels_file(beside):
            yield labels


def stamp(paths: Iterable[Path]) -> object:
    """Equal for files, and the files in folders, that nobody has touched."""
    return [_one(path) for path in paths]


def _one(path: Path) -> object:
    try:
        entries = [*os.scandir(path)] if path.is_dir() else []
        stats = [(entry.name, entry.stat()) for entry in entries] or [(path.name, path.stat())]
    except OSError:
        return object()
    return sorted((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
