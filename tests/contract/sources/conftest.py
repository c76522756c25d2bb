from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from tests.support.clips import scene, write_clip
from tests.support.counter import burn_counter

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAMES = 50
WIDTH, HEIGHT = 320, 240


@pytest.fixture(scope="session")
def h264(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """50 pictures of 320x240 at 25 a second, several slices each, with a burned-in counter."""
    path = tmp_path_factory.mktemp("clips") / "h264.mp4"
    return write_clip(path, scene(WIDTH, HEIGHT), frames=FRAMES, options={"x264-params": "slices=3"})


@pytest.fixture(scope="session")
def h265(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "h265.mp4"
    return write_clip(path, scene(WIDTH, HEIGHT), frames=FRAMES, codec="libx265")


@pytest.fixture(scope="session")
def mjpeg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "mjpeg.avi"
    return write_clip(path, scene(WIDTH, HEIGHT), frames=FRAMES, codec="mjpeg")


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same pictures as a folder of JPEG, PNG and BMP, named without leading zeros."""
    folder = tmp_path_factory.mktemp("images")
    for index, picture in enumerate(islice(scene(WIDTH, HEIGHT), FRAMES)):
        plane = picture.planes[0]
        burn_counter(np.frombuffer(memoryview(plane), np.uint8).reshape(HEIGHT, plane.line_size), index)
        write_image(folder / f"img{index}{('.jpg', '.png', '.bmp')[index % 3]}", picture)
    return folder


def write_image(path: Path, picture: av.VideoFrame) -> None:
    codec, pix_fmt = {".jpg": ("mjpeg", "yuvj420p"), ".png": ("png", "rgb24"), ".bmp": ("bmp", "bgr24")}[path.suffix]
    with av.open(str(path), "w", format="image2", options={"update": "1"}) as container:
        stream = container.add_stream(codec, rate=1)
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, pix_fmt
        container.mux(stream.encode(picture.reformat(format=pix_fmt)))
        container.mux(stream.encode(None))


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    import threading

    before = set(threading.enumerate())
    yield
    left = {thread.name for thread in threading.enumerate() if thread not in before and thread.name.startswith("cam-")}
    assert not left
