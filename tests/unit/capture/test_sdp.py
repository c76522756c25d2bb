from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.capture.rtp import START_CODE
from agent.capture.sdp import VideoTrack, find_video

H264 = """v=0
a=control:*
m=audio 0 RTP/AVP 8
a=control:track2
m=video 0 RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0I=,aM4=; profile-level-id=42
a=framerate:29.97
a=control:rtsp://camera/live/track1
"""
H265 = """v=0
m=video 0 RTP/AVP 97
a=rtpmap:97 h265/90000
a=fmtp:97 sprop-vps=QAE=; sprop-sps=QgE=; sprop-pps=RAE=
a=control:trackID=0
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("text", "track"),
    [
        (
            H264,
            VideoTrack("h264", 96, "rtsp://camera/live/track1", START_CODE + b"gB" + START_CODE + b"h\xce", 29.97, "*"),
        ),
        (
            H265,
            VideoTrack(
                "hevc", 97, "trackID=0", b"".join(START_CODE + bytes([kind, 1]) for kind in (64, 66, 68)), 0, "*"
            ),
        ),
    ],
)
def test_tracks(text: str, track: VideoTrack, end: str) -> None:
    assert find_video(text.replace("\n", end)) == track


@pytest.mark.parametrize(
    "change",
    [
        ("Z0I=,aM4=", " Z0I= , aM4= "),
        ("Z0I=,aM4=", "Z0I,aM4"),
        ("Z0I=,aM4=", '"Z0I=,aM4="'),
        ("Z0I=,aM4=", "'Z0I=','aM4='"),
        ("Z0I=,aM4=; profile-level-id=42", "Z0I=,aM4=\0"),
        ("packetization-mode=1;", "packetization-mode=1\na=fmtp:96 "),
        ("fmtp:96 ", "fmtp: 96 "),
        ("fmtp:96 ", "fmtp:96\t"),
        ("rtpmap:96 ", "rtpmap: 96\t"),
        ("sprop-parameter-sets", "Sprop-Parameter-Sets"),
        ("profile-level-id=42", "sprop-max-don-diff"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_spellings_of_cameras(change: tuple[str, str], end: str) -> None:
    assert H264.count(change[0]) == 1
    assert find_video(H264.replace(*change).replace("\n", end)) == find_video(H264)


@pytest.mark.parametrize(
    "change",
    [
        ("H264", "JPEG"),
        ("m=video", "m=text"),
        ("packetization-mode=1", "packetization-mode=2"),
        ("rtpmap:96", "rtpmap:98"),
        ("RTP/AVP 96", "RTP/AVP"),
    ],
)
def test_no_track_for_us(change: tuple[str, str]) -> None:
    assert find_video(H264.replace(*change)) is None


@pytest.mark.parametrize("change", [("Z0I=,aM4=", "%%%"), ("29.97", "fast"), ("29.97", "-1"), ("29.97", "nan")])
def test_broken_details_are_left_out(change: tuple[str, str]) -> None:
    track = find_video(H264.replace(*change))
    assert track is not None
    assert track.parameter_sets == b"" or track.fps == 0.0


@given(st.text(alphabet="vmao=:;, \r\n/09H264rtpmfvide", max_size=200))
def test_any_text(text: str) -> None:
    find_video("m=video 0 RTP/AVP 96\n" + text)
