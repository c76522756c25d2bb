from __future__ import annotations

import av
import numpy as np
import pytest

from agent.capture.pyav import picture_of

WHITE = {True: 255, False: 235}


def grey_frame(pix_fmt: str, width: int = 100, height: int = 60) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, pix_fmt)
    for index, plane in enumerate(frame.planes):
        np.frombuffer(memoryview(plane), np.uint8)[:] = 10 * (index + 1)
    return frame


@pytest.mark.parametrize(
    ("pix_fmt", "chroma", "full_range"),
    [
        ("yuv420p", (30, 50), False),
        ("yuvj420p", (30, 50), True),
        ("yuv422p", (60, 50), False),
        ("yuvj422p", (60, 50), True),
        ("yuv444p", (60, 100), False),
        ("yuvj444p", (60, 100), True),
    ],
)
def test_planes_are_views_of_the_decoders_memory(pix_fmt: str, chroma: tuple[int, int], full_range: bool) -> None:
    frame = grey_frame(pix_fmt)
    picture = picture_of(frame)
    assert picture.full_range is full_range
    assert picture.uv is None
    assert picture.y.shape == (60, 100)
    assert picture.u is not None
    assert picture.v is not None
    assert picture.u.shape == picture.v.shape == chroma
    assert (picture.y[0, 0], picture.u[0, 0], picture.v[-1, -1]) == (10, 20, 30)
    for plane, view in zip(frame.planes, (picture.y, picture.u, picture.v), strict=True):
        assert np.shares_memory(np.frombuffer(memoryview(plane), np.uint8), view)


def test_nv12_keeps_its_interleaved_plane() -> None:
    picture = picture_of(grey_frame("nv12"))
    assert picture.u is None
    assert picture.v is None
    assert picture.uv is not None
    assert picture.uv.shape == (30, 50, 2)


def test_gray_has_no_chroma_and_full_range() -> None:
    picture = picture_of(grey_frame("gray"))
    assert picture.u is picture.v is picture.uv is None
    assert picture.full_range


@pytest.mark.parametrize(("width", "height"), [(101, 61), (1, 1), (3, 2)])
def test_odd_sizes(width: int, height: int) -> None:
    picture = picture_of(grey_frame("yuv420p", width, height))
    assert picture.y.shape == (height, width)
    assert picture.u is not None
    assert picture.u.shape == ((height + 1) // 2, (width + 1) // 2)


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("pix_fmt", ["rgb24", "bgr24", "rgba", "yuyv422", "yuv420p10le", "gray10le"])
def test_other_formats_become_yuv420p_of_the_range_they_say(pix_fmt: str, level: int) -> None:
    rgb = np.full((60, 96, 3), level, np.uint8)
    picture = picture_of(av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pix_fmt))
    assert picture.u is not None
    assert picture.u.shape == (30, 48)
    black_or_white = WHITE[picture.full_range] if level else {True: 0, False: 16}[picture.full_range]
    assert np.abs(picture.y.astype(int) - black_or_white).max() <= 1
    assert np.abs(picture.u.astype(int) - 128).max() <= 1


def test_the_picture_outlives_its_frame() -> None:
    pictures = [picture_of(grey_frame("yuv420p")) for _ in range(20)]
    assert all((picture.y == 10).all() for picture in pictures)
