"""The cameras that are plugged in, and what those on a ribbon cable need."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from agent.capture import picamera
from agent.capture.gst import LAUNCH
from agent.runtime.board import sysfs
from agent.tools.doctor import v4l2
from agent.tools.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agent.config.model import Config

_ROOT = Path("/")
_SENSOR = re.compile(r"\b([a-z][a-z0-9_]{2,31}) \d+-00[0-9a-f]{2}$")
"""How the kernel names an I2C device: "imx708_wide 10-001a"; on a Jetson "vi-output, imx219 9-0010"."""
_SHOWN = 4
"""Formats of a camera."""
_LIBCAMERA = "usr/lib/*/gstreamer-1.0/libgstlibcamera.so"
_ARGUS = "usr/lib/aarch64-linux-gnu/gstreamer-1.0/libgstnvarguscamerasrc.so"


def devices(config: Config | None, _: str = "", root: Path = _ROOT) -> Iterator[Finding]:
    links = by_id(root)
    used = {camera.source for camera in config.cameras if camera.kind == "v4l2"} if config else set()
    seen = 0
    for node in nodes(root):
        name = links.get(node)
        try:
            camera = v4l2.ask(node)
        except OSError as error:
            if {str(node), str(name)} & used:
                yield Finding("devices", "failed", f"{node}: {error.strerror or error}", "see the group access")
            continue
        if camera is None:
            continue
        seen += 1
        more = f" and {len(camera.formats) - _SHOWN} more" if len(camera.formats) > _SHOWN else ""
        formats = ", ".join(map(str, camera.formats[:_SHOWN])) + more
        yield Finding("devices", "ok", f"{camera.card} at {name or node}: {formats}")
        if name and str(node) in used:
            text = f"source: {node} may be another camera after a restart"
            yield Finding("devices", "warning", text, f"write source: {name}")
    sensors = ribbon(root)
    for sensor in sensors:
        yield Finding("devices", "ok", f"{sensor} on a ribbon cable (source: csi:0)")
    if not seen and not sensors:
        yield Finding("devices", "skipped", "no camera is plugged into this machine; network cameras need none")
    kinds = {str(camera.kind) for camera in config.cameras} if config else set()
    yield from needs(kinds, sensors, root)


def nodes(root: Path) -> list[Path]:
    return sorted((root / "dev").glob("video*"), key=lambda node: (len(node.name), node.name))


def by_id(root: Path) -> Mapping[Path, Path]:
    """By node, the name that stays with the camera whatever port it is plugged into."""
    return {link.resolve(): link for link in sorted((root / "dev/v4l/by-id").glob("*"), reverse=True)}


def ribbon(root: Path) -> list[str]:
    """The image sensors that the kernel has found."""
    named = (sysfs.text(file) for file in (root / "sys/class/video4linux").glob("*/name"))
    return sorted({match[1] for match in map(_SENSOR.search, filter(None, named)) if match})


def needs(kinds: set[str], sensors: list[str], root: Path) -> Iterator[Finding]:
    """Of cameras that are not read by FFmpeg. kinds: of the configured sources."""
    if not kinds & {"csi", "gst"}:
        return
    if "gst" in kinds and shutil.which(LAUNCH) is None:
        yield Finding("gstreamer", "failed", "there is no gst-launch-1.0", "apt install gstreamer1.0-tools")
    if "csi" not in kinds:
        return
    jetson = (root / "etc/nv_tegra_release").exists()
    if not sensors:
        fix = (
            "sudo /opt/nvidia/jetson-io/jetson-io.py"
            if jetson
            else "check the cable; camera_auto_detect=1 in config.txt"
        )
        yield Finding("csi", "failed", "the kernel has found no camera on a ribbon cable", fix)
    if jetson:
        yield from _argus(root)
    elif picamera.interpreter() is None:
        yield _without_picamera2(root)


def _without_picamera2(root: Path) -> Finding:
    if shutil.which(LAUNCH) is not None and any(root.glob(_LIBCAMERA)):
        text = f"{picamera.MISSING}: csi:0 is read through GStreamer's libcamerasrc, any other not at all"
        return Finding("csi", "warning", text, picamera.FIX)
    return Finding("csi", "failed", picamera.MISSING, picamera.FIX)


def _argus(root: Path) -> Iterator[Finding]:
    if shutil.which(LAUNCH) is None or not (root / _ARGUS).exists():
        fix = "apt install gstreamer1.0-tools nvidia-l4t-gstreamer nvidia-l4t-camera"
        yield Finding("csi", "failed", "nvarguscamerasrc of GStreamer is not there", fix)
    elif not (root / "tmp/argus_socket").exists():
        yield Finding("csi", "failed", "nvargus-daemon does not run", "sudo systemctl restart nvargus-daemon")
