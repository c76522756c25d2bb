"""Pictures so large that the memory for one of them could end the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.capture import pyav
from agent.capture.pyav import CodecDecoder
from agent.capture.source import SourceError
from agent.capture.stream import StreamSource
from agent.config.model import CameraConfig
from tests.support.clips import scene, write_clip

if TYPE_CHECKING:
    from pathlib import Path


def ue(value: int) -> str:
    """Exp-Golomb, as H.264 writes numbers."""
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


def nal(kind: int, bits: str) -> bytes:
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    return b"\0\0\0\1" + bytes([kind]) + int(bits, 2).to_bytes(len(bits) // 8, "big")


def key_picture(blocks: int) -> bytes:
    """A square one of so many macroblocks (of 16 pixels) in each direction, with a little of its data."""
    size = ue(blocks - 1) * 2
    parameters = f"{66:08b}{0:08b}{51:08b}" + ue(0) + ue(0) + ue(2) + ue(1) + "0" + size + "1000"
    return (
        nal(0x67, parameters)
        + nal(0x68, ue(0) * 2 + "00" + ue(0) * 3 + "000" + ue(0) * 3 + "000")
        + nal(0x65, ue(0) + ue(7) + ue(0) + "0000" + ue(0) + "00" + ue(0) + "01" * 100)
    )


@pytest.mark.parametrize("declared", [True, False])
def test_an_rtsp_stream_of_giant_pictures_is_refused(declared: bool) -> None:
    unit = key_picture(982)
    decoder = CodecDecoder("h264", unit if declared else b"", "none")
    with pytest.raises(SourceError, match=r"its pictures are 15712x15712, the limit is 67 megapixels \(twice 8K\)"):
        decoder.decode_unit(unit, 0, 90000)


def test_a_raw_stream_of_giant_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "giant.h264").write_bytes(key_picture(982) * 5)
    with pytest.raises(SourceError, match="15712x15712"):
        StreamSource(CameraConfig("cam", str(tmp_path / "giant.h264"), "file"), lambda: False)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("clip.mp4", "libx265"), ("clip.avi", "mjpeg"), ("clip.ts", "mpeg2video"), ("clip.mkv", "mpeg4")],
)
def test_the_limit_holds_for_each_codec(name: str, codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of small pictures, with a smaller limit."""
    monkeypatch.setitem(pyav.LIMITS, "max_pixels", "1000")
    monkeypatch.setattr(pyav, "MOST_PIXELS", 1000)
    clip = write_clip(tmp_path / name, scene(320, 240), frames=5, codec=codec)
    with pytest.raises(SourceError, match="67 megapixels"):
        list(StreamSource(CameraConfig("cam", str(clip), "file"), lambda: False).frames())
