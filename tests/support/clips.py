"""Makes small clips with a burned-in frame counter, by the encoders of PyAV's bundle."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING

import av
import numpy as np

from tests.support.counter import burn_counter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LOW_LATENCY = {
    "libx264": {"preset": "ultrafast", "tune": "zerolatency", "crf": "23", "forced-idr": "1"},
    "libx265": {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x265-params": "log-level=none:repeat-headers=1",
    },
    "mpeg4": {},
    "mpeg2video": {},
    "mjpeg": {"q:v": "3"},
}
"""Encoder options of a camera: no picture depends on a later one."""


def scene(width: int, height: int) -> Iterator[av.VideoFrame]:
    """A moving pattern without end, cheap to make and to encode, with detail enough for packets of a real size."""
    rows, columns = np.mgrid[0:height, 0:width]
    texture = ((rows * 7 ^ columns * 5) & 63).astype(np.uint8)
    shade = (columns * 120 // width + 60).astype(np.uint8)
    step = 0
    while True:
        frame = av.VideoFrame(width, height, "yuv420p")
        luma = np.frombuffer(frame.planes[0], np.uint8).reshape(height, frame.planes[0].line_size)
        luma[:, :width] = shade + np.roll(texture, step * 3, axis=1) // 2
        for plane, value in zip(frame.planes[1:], (110, 140), strict=True):
            np.frombuffer(plane, np.uint8)[:] = value
        yield frame
        step += 1


def walk(places: Iterable[float | None], width: int = 320, height: int = 240) -> Iterator[av.VideoFrame]:
    """Something bright, 40x80, walks over grey noisy ground. places: its middle, 0..1 of the width, or nobody."""
    random = np.random.default_rng(0)
    for place in places:
        frame = av.VideoFrame(width, height, "yuv420p")
        luma = np.frombuffer(frame.planes[0], np.uint8).reshape(height, frame.planes[0].line_size)
        luma[:, :width] = random.normal(90, 3, (height, width)).clip(0, 255)
        if place is not None:
            left = round(place * width) - 20
            luma[120:200, max(left, 0) : max(left + 40, 0)] = 235
        for plane in frame.planes[1:]:
            np.frombuffer(plane, np.uint8)[:] = 128
        yield frame


def film(path: Path) -> Iterator[av.VideoFrame]:
    """The pictures of an existing clip, over and over."""
    while True:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                yield frame.reformat(format="yuv420p")


def write_clip(
    path: Path,
    pictures: Iterator[av.VideoFrame],
    *,
    frames: int,
    fps: int = 25,
    codec: str = "libx264",
    first: int = 0,
    options: dict[str, str] | None = None,
    counted: bool = True,
    container: dict[str, str] | None = None,
) -> Path:
    """Encodes `frames` pictures to `path` (the suffix names the container), counter `first` on in each if `counted`.

    options: the encoder's. container: the muxer's.
    """
    with av.open(str(path), "w", options=container or {}) as output:
        stream = None
        for index, picture in enumerate(islice(pictures, frames)):
            if stream is None:
                stream = output.add_stream(codec, rate=fps, options=LOW_LATENCY[codec] | (options or {}))
                stream.width, stream.height = picture.width, picture.height
                stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
                stream.codec_context.gop_size = fps
            plane = picture.planes[0]
            luma = np.frombuffer(plane, np.uint8).reshape(picture.height, plane.line_size)
            if counted:
                burn_counter(luma, first + index)
            frame = picture
            if codec == "mjpeg":
                frame = picture.reformat(format="yuvj420p")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            output.mux(stream.encode(frame))
        if stream is not None:
            output.mux(stream.encode(None))
    return path
