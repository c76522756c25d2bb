"""The pictures in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.capture.folder import SUFFIXES, natural

if TYPE_CHECKING:
    from pathlib import Path


class NoPictures(Exception):
    """The folder that was named cannot be used; the text says why."""


def pictures(folder: Path, most: int | None = None) -> list[Path]:
    """The image files right in the folder, by natural order; of more than `most` as many, evenly chosen.

    Raises NoPictures.
    """
    try:
        names = [entry.name for entry in folder.iterdir() if entry.suffix.lower() in SUFFIXES and entry.is_file()]
    except OSError as error:
        raise NoPictures(f"{folder}: cannot be read: {error.strerror}") from error
    if not names:
        raise NoPictures(f"{folder}: no picture in it; put {', '.join(sorted(SUFFIXES))} files there")
    found = [folder / name for name in sorted(names, key=natural)]
    if most is None or len(found) <= most:
        return found
    return [found[number * len(found) // most] for number in range(most)]
