"""Files that say how the camera was held: phone clips, and photographs."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from agent.capture.pyav import turn_of
from agent.config.model import CameraConfig, MotionConfig
from agent.dispatch.scaler import rotated_rgb
from tests.contract.sources.conftest import write_image
from tests.contract.sources.watch import watching
from tests.support.clips import scene, walk, write_clip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import av

    from agent.capture.frame import Frame

ONE = 1 << 16
MATRICES = {
    0: (ONE, 0, 0, ONE),
    90: (0, ONE, -ONE, 0),
    180: (-ONE, 0, 0, -ONE),
    270: (0, -ONE, ONE, 0),
}
"""a, b, c, d of an MP4's track header, by the degrees clockwise a player turns the picture; as FFmpeg's -autorotate."""
MIRRORED = {(-ONE, 0, 0, ONE): 0, (ONE, 0, 0, -ONE): 180, (0, ONE, ONE, 0): 270, (0, -ONE, -ONE, 0): 90}
EXIF = {1: 0, 3: 180, 6: 90, 8: 270}


def held(clip: Path, matrix: tuple[int, int, int, int]) -> Path:
    """The MP4 as if the phone had been held so."""
    data = bytearray(clip.read_bytes())
    at = data.index(b"tkhd") + 8 + 20 + 16
    a, b, c, d = matrix
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    clip.write_bytes(data)
    return clip


def with_orientation(image: Path, orientation: int) -> None:
    data = image.read_bytes()
    entry = struct.pack(">HHIHH", 0x112, 3, 1, orientation, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    image.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])


def corner_white(turn: int) -> av.VideoFrame:
    """320x240 where turned by `turn` clockwise, its upper left quarter is white and the rest black."""
    width, height = (240, 320) if turn in {90, 270} else (320, 240)
    upright = np.zeros((240, 320), np.uint8)
    upright[:120, :160] = 255
    stored = np.rot90(upright, turn // 90)
    frame = next(scene(width, height))
    for plane, level in zip(frame.planes, (16, 128, 128), strict=True):
        np.frombuffer(memoryview(plane), np.uint8)[:] = level
    luma = np.frombuffer(memoryview(frame.planes[0]), np.uint8).reshape(height, -1)
    luma[:, :width] = np.where(stored > 0, 235, 16)
    return frame


def is_upright(frame: Frame) -> bool:
    assert (frame.width, frame.height) == (320, 240)
    image = np.empty((240, 320, 3), np.uint8)
    rotated_rgb(frame.picture, frame.rotate, image, np.empty(image.size // 2, np.uint8))
    quarters = cv2.resize(image, (2, 2), interpolation=cv2.INTER_AREA)[..., 0] > 127
    return bool(quarters.tolist() == [[True, False], [False, False]])


@pytest.mark.parametrize("turn", MATRICES)
def test_a_clip_is_turned_as_a_player_does(turn: int, tmp_path: Path) -> None:
    def pictures() -> Iterator[av.VideoFrame]:
        while True:
            yield corner_white(turn)

    clip = held(write_clip(tmp_path / "clip.mp4", pictures(), frames=5, counted=False), MATRICES[turn])
    with watching(CameraConfig("cam", str(clip), "file", pace="max")) as watch:
        frames = watch.frames(10)
    assert [is_upright(frame) for frame in frames] == [True] * 5
    assert {(status.width, status.height) for status in watch.statuses if status.state == "online"} == {(320, 240)}


@pytest.mark.parametrize("matrix", MIRRORED)
def test_what_is_mirrored_has_its_head_up(matrix: tuple[int, int, int, int], tmp_path: Path) -> None:
    import av

    clip = held(write_clip(tmp_path / "clip.mp4", scene(320, 240), frames=2), matrix)
    with av.open(str(clip)) as container:
        assert turn_of(next(container.decode(video=0))) == MIRRORED[matrix]


@pytest.mark.parametrize("orientation", EXIF)
def test_photographs_are_turned_each_by_itself(orientation: int, tmp_path: Path) -> None:
    turn = EXIF[orientation]
    write_image(tmp_path / "1.jpg", corner_white(0))
    write_image(tmp_path / "2.jpg", corner_white(turn))
    with_orientation(tmp_path / "2.jpg", orientation)
    write_image(tmp_path / "3.png", corner_white(0))
    with watching(CameraConfig("cam", str(tmp_path), "folder", pace="max")) as watch:
        frames = watch.frames(10)
    assert [is_upright(frame) for frame in frames] == [True] * 3
    assert [frame.rotate for frame in frames] == [0, turn, 0]


def test_rotate_comes_on_top(tmp_path: Path) -> None:
    clip = held(write_clip(tmp_path / "clip.mp4", scene(320, 240), frames=2), MATRICES[90])
    with watching(CameraConfig("cam", str(clip), "file", pace="max", rotate=270)) as watch:
        frame = watch.frames(5)[0]
    assert (frame.rotate, frame.width, frame.height) == (0, 320, 240)


def test_motion_lies_in_the_picture_as_it_is_seen(tmp_path: Path) -> None:
    """Somebody walks in the lower third of what is stored, which is seen on its left when turned by 90."""
    places = [None] * 50 + [0.2 + n / 100 for n in range(40)]
    clip = held(write_clip(tmp_path / "clip.mp4", walk(places), frames=90, counted=False), MATRICES[90])
    config = CameraConfig("cam", str(clip), "file", pace="max", motion=MotionConfig(enabled=True))
    with watching(config) as watch:
        frames = watch.frames(100)
    boxes = [box for frame in frames[55:] if frame.motion for box in frame.motion.boxes]
    assert boxes
    assert all(x2 < 0.6 for _, _, x2, _ in boxes)
