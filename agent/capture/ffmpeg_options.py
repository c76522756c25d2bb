"""What FFmpeg is told for each kind of source, and what its errors mean to the user."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

import av

from agent.capture import tls
from agent.capture.source import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.config.model import CameraConfig

DEVICE_NODES: dict[str, tuple[str, ...]] = {
    "cuda": ("/dev/nvidiactl", "/dev/nvhost-nvdec"),
    "vaapi": ("/dev/dri/renderD128",),
    "qsv": ("/dev/dri/renderD128",),
    "drm": ("/dev/media0",),
}
"""Where a machine shows that it has a decoder, in the order `hwaccel: auto` tries them."""

WHOLE_FORMATS = (
    *("mpjpeg", "mjpeg", "jpeg_pipe", "png_pipe", "h264", "hevc", "mpegts", "mpeg", "mpegvideo"),
    *("mov", "matroska", "flv", "avi", "asf", "ogg", "nut"),
)
"""Formats that are one stream. The parts of a playlist (HLS) FFmpeg fetches with its own idea of TLS, not with ours: up
to 8 it verifies no server of any, from 9 on each, by the system's CAs."""

AVFORMAT = av.library_versions["libavformat"][0]
CHECKS_PARTS = 63
"""The libavformat (of FFmpeg 9) that verifies where it is told nothing, as where it fetches parts."""
_OTHER_STREAM = "use another stream of the camera, such as MJPEG"

_LOGINS = "; FFmpeg knows Basic and Digest with MD5, and sends them nowhere it is redirected to by a whole address"
V4L2_HINTS = {
    errno.ENOENT: "is it plugged in? `ls /dev/video*` names the cameras",
    errno.ENODEV: "is it plugged in? `ls /dev/video*` names the cameras",
    errno.EBUSY: "another program uses it; `fuser -v` with the device names it",
    errno.EACCES: "add the user of the daemon to the group `video`",
    errno.EPERM: "add the user of the daemon to the group `video`",
}


@dataclass(frozen=True, slots=True)
class Input:
    """One way to open a source. url may hold the password: it is never shown."""

    url: str = field(repr=False)
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)


def with_credentials(config: CameraConfig) -> str:
    """The URL as FFmpeg wants it: user and password percent-encoded before the host."""
    if not config.username:
        return config.source
    parts = urlsplit(config.source)
    password = config.password.reveal() if config.password else ""
    login = f"{quote(config.username, safe='')}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))


def inputs_of(config: CameraConfig) -> list[Input]:
    """How to open the source, the best way first; the next one is for devices that refuse it. Raises SourceError."""
    if config.kind == "file":
        path = config.source
        # The opening of a named pipe waits for ever. Path's own questions raise where it may not look.
        if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
            raise SourceError(f"{path} is no regular file")
        return [Input(path)]
    # Little is probed, and kept (no "nobuffer"): thrown away, it would take the first key picture with it.
    live = {"flags": "low_delay", "fpsprobesize": "0"}
    if config.kind == "v4l2":
        # Most USB cameras reach their full rate only as MJPEG.
        return [Input(config.source, "v4l2", live | more) for more in ({"input_format": "mjpeg"}, {})]
    live |= {"analyzeduration": "1000000", "probesize": "1000000"}
    if config.kind == "rtsp":
        live |= {"rtsp_transport": config.transport, "allowed_media_types": "video"}
    if config.kind == "http":
        # A transport stream whose video gets another number goes on: else PyAV waits for the old one, and for ever,
        # for packets that nobody asked for come in time. The second is for the parts of a playlist.
        live |= {"merge_pmt_versions": "1", "seg_format_options": "merge_pmt_versions=1"}
    if config.kind == "http" and config.encrypted and not config.tls.insecure:
        live["format_whitelist"] = ",".join(WHOLE_FORMATS)
    return [Input(with_credentials(config), None, live | tls.ffmpeg_options(config))]


def hardware_types(wanted: str, available: Iterable[str]) -> list[str]:
    """Decoder types to try. available: those in this FFmpeg; for "auto" the machine must show the device, too."""
    if wanted == "none":
        return []
    if wanted != "auto":
        return [wanted]
    built = set(available)
    return [
        kind for kind, nodes in DEVICE_NODES.items() if kind in built and any(Path(node).exists() for node in nodes)
    ]


def explain(error: Exception, config: CameraConfig, *, opened: bool = False) -> SourceError:
    """What one of FFmpeg's errors means. Never the error's own text: it ends with the URL. opened: it came later."""
    kind = type(error).__name__
    reason = getattr(error, "strerror", None) or kind
    number = getattr(error, "errno", None)
    if kind in {"ExitError", "TimeoutError"}:
        return SourceError(f"no answer within {config.timeout:g} s")
    if kind in {"HTTPUnauthorizedError", "HTTPForbiddenError"}:
        hint = f"check username and password{_LOGINS}" if config.username else "set username and password"
        return SourceError(f"the camera refuses the login ({reason})", hint)
    if config.kind == "v4l2":
        return _device_error(config.source, number or 0, reason, opened=opened)
    if number == errno.EINVAL and config.kind == "http" and config.encrypted and not config.tls.insecure:
        unchecked = "" if AVFORMAT >= CHECKS_PARTS else f"; cameras.{config.id}.tls.insecure: true checks nothing"
        return SourceError(
            "its format cannot be read over verified TLS: FFmpeg is not told how to check who sends a playlist's parts",
            _OTHER_STREAM + unchecked,
        )
    if kind == "InvalidDataError":
        hint = ""
        if config.encrypted and config.tls.insecure and AVFORMAT >= CHECKS_PARTS:
            hint = f"a playlist (HLS)? FFmpeg 9 checks who sends its parts, insecure or not: {_OTHER_STREAM}"
        return SourceError(f"{config.source} is not a video, or its start is damaged", hint)
    return SourceError(f"cannot read {config.source}: {reason}")


def _device_error(device: str, number: int, reason: str, *, opened: bool) -> SourceError:
    if opened:
        return SourceError(f"{device} stopped: {reason}", "is it still plugged in, with enough power?")
    hint = V4L2_HINTS.get(number, "not a camera? many have a second /dev/video node without pictures")
    return SourceError(f"cannot open {device}: {reason}", hint)
