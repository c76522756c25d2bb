"""Sources that are not there now. Whoever runs tries them again for ever, so that is no mistake, but worth a word."""

from __future__ import annotations

import re
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING

from backends.file_mode import file_mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config import CameraConfig, Config, Problem

_LATER = "until it is there the camera is offline, and tried again"
_MEANT = ((r"csi:?([0-9])", "csi:{}"), (r"(?:dev/)?video([0-9]+)", "/dev/video{}"))
"""Names of files that were meant otherwise."""


def missing(config: Config) -> Iterator[Problem]:
    """A warning for each file, folder or device of an enabled camera that is not there. Opens nothing."""
    for camera in config.cameras:
        try:
            what = _missing(camera) if camera.enabled else ""
        except OSError:  # only the daemon may look there: it will say so itself
            what = ""
        if what:
            yield config.problem(f"cameras.{camera.id}.source", what)


def _missing(camera: CameraConfig) -> str:
    path = Path(camera.source)
    found = file_mode(path)
    if camera.kind == "v4l2" and not found:
        return f"there is no {path}: {_LATER}; see vedette doctor --only devices"
    if camera.kind == "file" and not S_ISREG(found):
        return f"there is no file {path}: {_LATER}; {_meant(path) or 'put it there, or correct the path'}"
    if camera.kind == "folder":
        from agent.capture.folder import SUFFIXES

        if not S_ISDIR(found):
            return f"there is no folder {path}: {_LATER}; make it, or correct the path"
        if not any(entry.suffix.lower() in SUFFIXES for entry in path.iterdir()):
            return f"there is no picture in {path}: {_LATER}; put .jpg, .png or .bmp files there"
    return ""


def _meant(path: Path) -> str:
    for pattern, form in _MEANT:
        if (match := re.fullmatch(pattern, path.name)) is not None:
            return f"did you mean {form.format(match[1])}?"
    return ""
