"""Finished files into a folder: all of them, or none."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING

from backends.atomic import sync_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def put(files: Sequence[Path], folder: Path, aside: Path) -> None:
    """Renames the files into `folder`, in place of what is there under their names. Raises OSError, nothing changed.

    At no moment is one missing; a sidecar's sha256 tells files apart that a power cut left of two exports.
    aside: on the same file system; is made for the old ones until all the new ones are there.
    """
    aside.mkdir()
    old = [file.name for file in files if (folder / file.name).exists()]
    for name in old:
        _keep(folder / name, aside / name)
    placed: list[Path] = []
    try:
        for file in files:
            file.replace(folder / file.name)
            placed.append(folder / file.name)
        sync_folder(folder)
    except OSError:
        for target in placed:
            with contextlib.suppress(OSError):
                if target.name in old:
                    (aside / target.name).replace(target)
                else:
                    target.unlink()
        raise


def _keep(file: Path, copy: Path) -> None:
    try:
        os.link(file, copy)
    except OSError:  # no links on this file system
        shutil.copy2(file, copy)
