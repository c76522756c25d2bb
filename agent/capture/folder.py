"""A folder of images as a camera."""

from __future__ import annotations

import os
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.capture.pyav import decode_turned
from agent.capture.source import Decoded, SourceError, SourceInfo, Stop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.model import CameraConfig

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp"})
RATE = 25.0
"""Images a second where `fps` is not set, as usual for numbered pictures of a film."""


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key by which img2 comes before img10."""
    parts = re.findall(r"\d+|\D+", name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


class FolderSource:
    """The images right in the folder, by natural order of their names. Unreadable ones are counted and skipped.

    As each is to be inferred, `fps` is their rate.
    """

    def __init__(self, config: CameraConfig, stop: Stop) -> None:
        try:
            names = [entry.name for entry in Path(config.source).iterdir() if entry.suffix.lower() in SUFFIXES]
        except OSError as error:
            raise SourceError(f"cannot read the folder {config.source}: {error.strerror}") from error
        if not names:
            raise SourceError(f"no image in {config.source}", "put .jpg, .png or .bmp files there")
        self.corrupt = 0
        self.info = SourceInfo(fps=config.fps or RATE, decoder="image software")
        self._paths = [Path(config.source) / name for name in sorted(names, key=natural)]
        self._stop = stop

    def frames(self) -> Iterator[Decoded]:
        readable = False
        for path in self._paths:
            if self._stop():
                return
            # Who opens a named pipe waits for its writer.
            found = decode_turned(path) if os.path.isfile(path) else None  # noqa: PTH113 - Path's raises for some
            if found is None:
                self.corrupt += 1
                continue
            readable = True
            picture, turn = found
            height, width = picture.y.shape
            if (width, height, turn) != (self.info.width, self.info.height, self.info.turn):
                self.info = replace(self.info, width=width, height=height, turn=turn)
            yield Decoded(picture, None, time.monotonic())
        if not readable:
            raise SourceError(f"none of the {len(self._paths)} images in {self._paths[0].parent} can be decoded")

    def interrupt(self) -> None:
        pass

    def close(self) -> None:
        pass
