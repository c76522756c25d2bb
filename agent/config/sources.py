"""What a camera's source is: the address of a stream, a device, a file or a folder."""

from __future__ import annotations

import re
import shlex
from ipaddress import IPv6Address
from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config.kinds import absolute
from agent.config.problems import InvalidError

if TYPE_CHECKING:
    from agent.config.model import SourceKind

_STREAMS: dict[str, SourceKind] = {"rtsp": "rtsp", "rtsps": "rtsp", "http": "http", "https": "http"}
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")


def classify(source: str, folder: Path) -> tuple[SourceKind, str]:
    """The kind of `source`, and the source itself with its path made absolute. Looks at the disk, opens nothing.

    Raises InvalidError; its message never repeats the source, which may hold a password.
    """
    scheme, separator, rest = source.partition("://")
    if separator and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return _stream(scheme.lower(), rest)
    if source.startswith("csi:"):
        return "csi", _camera(source)
    if source.startswith("gst:"):
        return "gst", _pipeline(source)
    if re.match(r"(?:rtsps?|https?|file):", source, re.IGNORECASE):
        raise InvalidError("an address begins with rtsp:// or http://, a path with no scheme at all")
    if source.isdecimal():
        raise InvalidError(f"a local camera is written as its device: /dev/video{source}")
    path = absolute(source, folder)
    if normpath(path).startswith("/dev/") and not normpath(path).startswith("/dev/shm/"):  # noqa: S108 - files in memory
        return "v4l2", path
    try:
        is_folder = source.endswith("/") or Path(path).is_dir()
    except OSError:
        is_folder = False
    return ("folder" if is_folder else "file"), path


def _camera(source: str) -> str:
    if not re.fullmatch(r"csi:[0-9]", source):
        raise InvalidError("a camera on the board's own connector is written as csi:0, or csi:1")
    return source


def _pipeline(source: str) -> str:
    """gst-launch's words, without a sink: they end where raw pictures come out."""
    if re.search(r"://[^/\s]*@", source) or re.search(r"\b(?:user-pw|user-id|password)=", source):
        raise InvalidError("a password in a pipeline is seen by everybody in the process list; use rtsp:// itself")
    try:
        words = shlex.split(source[len("gst:") :])
    except ValueError:
        raise InvalidError("a quotation mark in the pipeline has no end") from None
    if not words or words[0] == "!":
        raise InvalidError("write gst: and a pipeline, such as gst:v4l2src device=/dev/video0 ! videoconvert")
    if any(re.fullmatch(r"\w*sink", word) for word in words):
        raise InvalidError("a pipeline here has no sink: end it where the pictures come out")
    return source


def _is_host(authority: str) -> bool:
    """What stands in brackets must be an address of IPv6."""
    if not authority.startswith("["):
        return True
    try:
        IPv6Address(authority[1 : authority.index("]")])
    except ValueError:
        return False
    return True


def _stream(scheme: str, rest: str) -> tuple[SourceKind, str]:
    if scheme == "file":
        raise InvalidError("write the path itself, without file://")
    if scheme not in _STREAMS:
        raise InvalidError("this scheme is not supported; use rtsp://, http://, https://, /dev/video0 or a path")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    match = _HOST.fullmatch(authority)
    # A password with a bare "/" ends the authority early; what stands before is then no host with a port.
    if "@" in authority or (match is None and "@" in rest):
        raise InvalidError(
            "a user name or password inside the address would end up in logs; take them out and write "
            "`username: ...` and `password: !secret NAME` beside source"
        )
    if match is None or int(match["port"] or 0) > 65535 or not _is_host(authority):
        raise InvalidError(
            f"the address needs a host and optionally a port up to 65535: {scheme}://10.0.0.7:554/stream"
        )
    if re.search(r"\s", rest):
        raise InvalidError("spaces in an address; write each as %20")
    return _STREAMS[scheme], f"{scheme}://{rest}"
