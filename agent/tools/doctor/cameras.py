"""The configured cameras: whether each can be opened, and its first picture comes in time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agent.capture.opening import open_source
from agent.capture.source import SourceError
from agent.config.redact import redact
from agent.tools.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.capture.frame import Picture
    from agent.capture.source import Source
    from agent.config.model import CameraConfig, Config

MORE_S = 20.0
"""How much longer than its time-out is waited for a camera's first picture: key pictures may be far apart."""
_FIXES = {
    "rtsp": "open the same URL with ffplay or VLC from this machine; check its address, its user, and the cable",
    "http": "open the same URL in a browser from this machine; check the address and the user",
    "v4l2": "vedette doctor --only devices shows the cameras that are plugged in",
    "file": "check that the file is there, and that ffprobe can read it",
    "folder": "check that there are pictures in it, and that the user vedette may read them",
    "csi": "check the ribbon cable; rpicam-hello --list-cameras (Pi) or nvgstcapture-1.0 (Jetson) must show it",
    "gst": "try the pipeline with gst-launch-1.0 -v",
}
_BLACK, _FLAT = 24.0, 4.0


def seconds(camera: CameraConfig) -> float:
    """Within which `first_picture` ends, unless it hangs."""
    return 2 * camera.timeout + MORE_S


def first_picture(config: Config | None, subject: str) -> Iterator[Finding]:
    """subject: the camera's id."""
    camera = next((camera for camera in config.cameras if camera.id == subject), None) if config else None
    if camera is None:
        yield Finding("camera", "failed", f"{subject}: this user cannot read the config", "see the group config")
        return
    began = time.monotonic()
    deadline = began + camera.timeout + MORE_S
    fix = _FIXES.get(camera.kind, "check the source")
    try:
        source = open_source(camera, lambda: time.monotonic() > deadline)
    except SourceError as error:
        yield Finding("camera", "failed", f"{camera.id}: {error.reason}", error.hint or fix)
        return
    try:
        yield from _look(camera, source, began, fix)
    except SourceError as error:
        yield Finding("camera", "failed", f"{camera.id}: {error.reason}", error.hint or fix)
    finally:
        source.close()


def _look(camera: CameraConfig, source: Source, began: float, fix: str) -> Iterator[Finding]:
    decoded = next(iter(source.frames()), None)
    if decoded is None:
        yield Finding("camera", "failed", f"{camera.id}: it opens, but gives no picture", fix)
        return
    took = time.monotonic() - began
    info = source.info
    height, width = decoded.picture.y.shape
    rate = f", {info.fps:.3g} fps" if info.fps else ""
    seen = f"{camera.id}: {width}x{height}{rate}, {redact(info.decoder) or 'decoded'}, first picture after {took:.1f} s"
    if took > camera.timeout and camera.live:
        text = f"{seen}, which is longer than its timeout of {camera.timeout:g} s"
        yield Finding("camera", "warning", text, "give the camera a key picture (I-frame interval) every 1 to 2 s")
    elif _black(decoded.picture):
        yield Finding(
            "camera", "warning", f"{seen}, and it is black", "lens cap, night, or a privacy mode of the camera?"
        )
    else:
        yield Finding("camera", "ok", seen)
    if info.note:
        yield Finding("camera", "warning", f"{camera.id}: {redact(info.note)}", "see docs, or set hwaccel: none")


def _black(picture: Picture) -> bool:
    sample = picture.y[::8, ::8]
    return float(sample.mean()) < _BLACK and float(sample.std()) < _FLAT
