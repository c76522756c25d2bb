"""A video device's own words, from a double of its driver's ioctls. It does not prove that a real driver answers so."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from agent.tools.doctor import v4l2
from agent.tools.doctor.v4l2 import Camera, Format

CAPTURE, META, M2M, STREAMING, OWN = 0x1, 0x00800000, 0x8000, 0x04000000, 0x80000000


class Driver:
    """formats: by code, (type of size, numbers): 1 width, height; 2 and 3 min, max, step of each."""

    def __init__(self, flags: int, formats: dict[bytes, list[tuple[int, ...]]], *, planes: bool = False) -> None:
        self.flags, self.formats, self.kind = flags, formats, 9 if planes else 1

    def __call__(self, number: int, argument: bytes) -> bytes | None:
        if number == v4l2.QUERYCAP:
            all_flags = CAPTURE | META | OWN | STREAMING
            return struct.pack(
                "=16s32s32s3I12x",
                b"uvcvideo",
                b"HD Webcam C270",
                b"usb-0000:01:00.0-1.2",
                0x60A00,
                all_flags,
                self.flags,
            )
        index, second = struct.unpack("=2I", argument[:8])
        if number == v4l2.ENUM_FMT:
            codes = list(self.formats)
            if second != self.kind or index >= len(codes):
                return None
            code = int.from_bytes(codes[index], "little")
            return struct.pack("=3I32s2I12x", index, second, 0, b"a description", code, 0)
        assert number == v4l2.ENUM_FRAMESIZES
        sizes = self.formats[second.to_bytes(4, "little")]
        if index >= len(sizes):
            return None
        kind, *numbers = sizes[index]
        return struct.pack("=3I6I8x", index, second, kind, *numbers, *[0] * (6 - len(numbers)))


def test_the_numbers_of_the_ioctls_hold_the_sizes_of_their_arguments() -> None:
    for number, size in ((v4l2.QUERYCAP, 104), (v4l2.ENUM_FMT, 64), (v4l2.ENUM_FRAMESIZES, 44)):
        assert number >> 16 & 0x3FFF == size
        assert number >> 8 & 0xFF == ord("V")
    assert (v4l2._CAPABILITY.size, v4l2._FORMAT.size, v4l2._SIZE.size) == (104, 64, 44)


def test_a_webcam() -> None:
    driver = Driver(
        CAPTURE | STREAMING,
        {
            b"MJPG": [(1, 640, 480), (1, 1280, 720), (1, 320, 240)],
            b"YUYV": [(3, 32, 1920, 2, 32, 1080, 2)],
            b"H264": [],
        },
    )
    assert v4l2.camera(driver) == Camera(
        "HD Webcam C270",
        "uvcvideo",
        "usb-0000:01:00.0-1.2",
        (Format("MJPG", 1280, 720), Format("YUYV", 1920, 1080), Format("H264", 0, 0)),
    )
    assert str(Format("MJPG", 1280, 720)) == "MJPG to 1280x720"
    assert str(Format("H264", 0, 0)) == "H264"


def test_big_endian_samples_are_marked_as_the_kernel_does() -> None:
    seen = v4l2.camera(Driver(CAPTURE | STREAMING, {b"Y16\xa0": [], b"Y16 ": []}))
    assert seen is not None
    assert [found.code for found in seen.formats] == ["Y16-BE", "Y16"]


def test_a_camera_of_several_planes() -> None:
    seen = v4l2.camera(Driver(0x1000 | STREAMING, {b"NV12": [(1, 640, 480)]}, planes=True))
    assert seen is not None
    assert seen.formats == (Format("NV12", 640, 480),)


@pytest.mark.parametrize("flags", [META | STREAMING, M2M | CAPTURE | STREAMING, CAPTURE])
def test_what_gives_no_pictures(flags: int) -> None:
    assert v4l2.camera(Driver(flags, {b"MJPG": []})) is None


def test_a_camera_without_a_format_is_none() -> None:
    """So is a metadata node of a driver that calls it a camera."""
    assert v4l2.camera(Driver(CAPTURE | STREAMING, {})) is None


def test_a_driver_without_end_is_left() -> None:
    def endless(number: int, argument: bytes) -> bytes | None:
        return Driver(CAPTURE | STREAMING, {b"MJPG": [(1, 64, 48)]})(number, bytes(4) + argument[4:])

    seen = v4l2.camera(endless)
    assert seen is not None
    assert len(seen.formats) == 32


def test_a_node_that_is_no_video_device(tmp_path: Path) -> None:
    assert v4l2.ask(Path(os.devnull)) is None
    with pytest.raises(OSError, match="No such file"):
        v4l2.ask(tmp_path / "video0")
