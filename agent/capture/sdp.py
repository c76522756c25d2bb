"""The session description an RTSP camera answers with (RFC 8866): which track is its video, and how it is coded."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import cast

from agent.capture.rtp import START_CODE, Codec

CODECS = {"H264": "h264", "H265": "hevc"}


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """control, aggregate: URL or path of the track and of the session. parameter_sets: Annex B. fps: 0 if not said."""

    codec: Codec
    payload_type: int
    control: str
    parameter_sets: bytes
    fps: float
    aggregate: str


def find_video(text: str) -> VideoTrack | None:
    """The first H.264 or H.265 track our depacketizer can read, None where there is none."""
    session, *medias = re.split(r"(?m)^m=", text)
    aggregate = _attribute(session, "control") or "*"
    for media in medias:
        track = _track(media, aggregate)
        if track is not None:
            return track
    return None


def kinds(text: str) -> list[str]:
    """What is offered: audio, video, application; each once, and not whatever a camera may write there."""
    return sorted(set(re.findall(r"(?m)^m=([a-z]{1,16})[ \t]", text)))


def _track(media: str, aggregate: str) -> VideoTrack | None:
    words = media.split("\n", 1)[0].split()
    if len(words) < 4 or words[0] != "video" or not re.fullmatch("[0-9]{1,3}", words[3]):
        return None
    encoding = re.search(rf"(?m)^a=rtpmap:[ \t]*{words[3]}[ \t]+([A-Za-z0-9-]+)/90000", media)
    codec = CODECS.get(encoding[1].upper()) if encoding else None
    if codec is None:
        return None
    lines = ";".join(re.findall(rf"(?m)^a=fmtp:[ \t]*{words[3]}[ \t]+(.*)", media))
    pairs = (part.strip().split("=", 1) for part in lines.split(";") if "=" in part)
    parameters = {key.lower(): value for key, value in pairs}
    if parameters.get("packetization-mode") == "2" or parameters.get("sprop-max-don-diff", "0") != "0":
        return None  # interleaved mode: NAL units out of decoding order
    return VideoTrack(
        codec=cast("Codec", codec),
        payload_type=int(words[3]),
        control=_attribute(media, "control"),
        parameter_sets=_parameter_sets(parameters),
        fps=_rate(_attribute(media, "framerate")),
        aggregate=aggregate,
    )


def _attribute(text: str, name: str) -> str:
    found = re.search(rf"(?m)^a={name}:(.*)$", text)
    return found[1].strip() if found else ""


def _parameter_sets(parameters: dict[str, str]) -> bytes:
    """Cameras quote them, end them with a NUL, and leave out the padding of the Base64."""
    sets = bytearray()
    for key in ("sprop-vps", "sprop-sps", "sprop-pps", "sprop-parameter-sets"):
        for word in parameters.get(key, "").split(","):
            code = word.strip(" \t\0\"'")
            try:
                nal = base64.b64decode(code + "=" * (-len(code) % 4), validate=True)
            except (binascii.Error, ValueError):
                continue  # the stream repeats them before each key picture
            if nal:
                sets += START_CODE + nal
    return bytes(sets)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        return 0.0
    return rate if 0 < rate <= 1000 else 0.0
