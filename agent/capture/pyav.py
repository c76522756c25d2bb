"""What FFmpeg's decoders do for us, through PyAV: pictures of packets, image files. Its demuxers: `stream`."""

from __future__ import annotations

import errno
import os
from fractions import Fraction
from math import atan2, degrees
from struct import unpack_from
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.codec.context import Flags, ThreadType
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.error import EOFError as EndOfStream
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from agent.capture.ffmpeg_options import hardware_types
from agent.capture.frame import Picture
from agent.capture.source import SourceError, SourceInfo

if TYPE_CHECKING:
    from pathlib import Path

    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

av.logging.set_level(None)  # FFmpeg's own lines name URLs with their passwords

HARDWARE_FORMATS = frozenset({"cuda", "vaapi", "qsv", "drm_prime", "vdpau", "vulkan"})
MOST_THREADS = 4
MOST_PIXELS = 1 << 26
"""8192x8192, twice what 8K has. The decoder takes 6 bytes for each, and more for what it keeps."""
LIMITS = {"max_pixels": str(MOST_PIXELS)}
"""What FFmpeg is told, so that it says no before it takes the memory."""
LARGEST = f"{MOST_PIXELS // 1_000_000} megapixels (twice 8K)"
SMALLER = "choose a smaller stream"
EAGER = frozenset({"h264", "hevc"})
"""Decoders that may be told not to wait: of these the stream says how many to wait for, the others lose the order."""
PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"})
FULL_RANGE = 2
UNSPECIFIED_RANGE = 0
BT709 = 1


def _plane(frame: VideoFrame, index: int, channels: int = 1) -> NDArray[np.uint8]:
    plane = frame.planes[index]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, abs(plane.line_size))
    view: NDArray[np.uint8] = rows[:, : plane.width * channels]
    if plane.line_size < 0:  # stored bottom up
        view = view[::-1]
    return view if channels == 1 else view.reshape(plane.height, plane.width, channels)


def _to_yuv420p(frame: VideoFrame) -> VideoFrame:
    try:
        # swscale's threads write over each other's first pixels where the width is not a multiple of 8.
        return frame.reformat(format="yuv420p", threads=1)
    except TypeError:  # PyAV before it had threads
        return frame.reformat(format="yuv420p")


def picture_of(frame: VideoFrame) -> Picture:
    """The frame's planes without a copy; formats that `Picture` has no place for become yuv420p first."""
    name, bt709 = frame.format.name, frame.colorspace == BT709
    if name not in {"nv12", "gray"} | PLANAR:
        frame = _to_yuv420p(frame)
        name = frame.format.name
    full = frame.color_range == FULL_RANGE or name.startswith("yuvj")
    if name == "gray":
        full = full or frame.color_range == UNSPECIFIED_RANGE
        return Picture(_plane(frame, 0), None, None, None, full, frame)
    if name == "nv12":
        return Picture(_plane(frame, 0), None, None, _plane(frame, 1, 2), full, frame, bt709)
    return Picture(_plane(frame, 0), _plane(frame, 1), _plane(frame, 2), None, full, frame, bt709)


def turn_of(frame: VideoFrame) -> int:
    """Degrees clockwise, a multiple of 90, by which its file wants the picture turned. What is mirrored stays so."""
    try:
        matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # beside something PyAV has no word for, such as EXIF
        clockwise = float(-frame.rotation)
    else:
        if matrix is None:
            return 0
        _, _, _, right, down, *_ = unpack_from("=9i", bytes(matrix))
        clockwise = degrees(atan2(-right, down))  # of the picture's vertical: what is mirrored has its head up, too
    return round(clockwise / 90) * 90 % 360


def decode_image(path: Path) -> Picture | None:
    """The picture in a JPEG, PNG or BMP file as it is stored, None when there is none to be had."""
    found = decode_turned(path)
    return None if found is None else found[0]


def decode_turned(path: Path) -> tuple[Picture, int] | None:
    """As `decode_image`, with the degrees clockwise by which it is to be turned: so EXIF has it."""
    try:
        with path.open("rb") as file, av.open(file) as container:
            # A file that is still being written is no picture: else FFmpeg makes it whole, grey from where it ends.
            # Not so in a stream: the JPEGs of many a camera end a few bytes too early.
            context = container.streams.video[0].codec_context
            if context is None:
                return None
            context.options = {"err_detect": "explode"}
            return next(((picture_of(frame), turn_of(frame)) for frame in container.decode(video=0)), None)
    except (OSError, ValueError, LookupError, FFmpegError):
        return None


def hardware(wanted: str, codec: str) -> tuple[HWAccel | None, str]:
    """An opened hardware decoder for the codec, or None and why not. FFmpeg itself falls back while it decodes."""
    failures = []
    for kind in hardware_types(wanted, hwdevices_available()):
        accel = HWAccel(kind, allow_software_fallback=True)
        try:
            accel.create(av.Codec(codec, "r"))
        except (FFmpegError, NotImplementedError, ValueError) as error:
            failures.append(f"{kind}: {getattr(error, 'strerror', None) or 'not in this FFmpeg'}")
        else:
            return accel, ""
    return None, ", ".join(failures)


class Decoder:
    """One stream's decoder. `decode` skips and counts what is damaged. SourceError where pictures are too large.

    live: a camera, which is turned by `rotate` alone; a file says itself how it was held.
    """

    def __init__(self, context: VideoCodecContext, note: str, *, live: bool) -> None:
        self.corrupt = 0
        self._context = context
        self._note = note
        self._turn = 0 if live else None
        self._size = (0, 0)
        self._info = SourceInfo()
        self._pts = self._dts = -(1 << 63)
        self._by_dts = False
        self._refuse_giants()
        context.options = LIMITS
        if live and context.name in EAGER:
            context.flags |= Flags.low_delay.value
        # Frame threads hold one picture back per thread; slice threads none.
        context.thread_type = ThreadType.SLICE
        context.thread_count = min(MOST_THREADS, os.cpu_count() or 1)

    def decode(self, packet: Packet[Any]) -> list[tuple[Picture, float | None]]:
        """The pictures this packet completes, with their pts in seconds."""
        try:
            frames = self._context.decode(packet)
        except EndOfStream:
            return []
        except FFmpegError as error:
            self.corrupt += 1
            self._refuse_giants(error)
            return []
        intact = [frame for frame in frames if not frame.is_corrupt]
        self.corrupt += len(frames) - len(intact)
        if intact:
            if self._turn is None:
                self._turn = turn_of(intact[0])
            self._size = (intact[-1].width, intact[-1].height)
        return [(picture_of(frame), self._time(frame)) for frame in intact]

    def _refuse_giants(self, error: FFmpegError | None = None) -> None:
        """error: of a packet. Of some codecs FFmpeg forgets the size when it refuses it."""
        width, height = self._context.width, self._context.height
        if width * height > MOST_PIXELS:
            raise SourceError(f"its pictures are {width}x{height}, the limit is {LARGEST}", SMALLER)
        if error is not None and error.errno == errno.EINVAL and not width and not any(self._size):
            raise SourceError(f"its pictures cannot be decoded: are they larger than {LARGEST}?", SMALLER)

    def _time(self, frame: VideoFrame) -> float | None:
        """In seconds. AVI has no pts: where there are B-pictures those that FFmpeg makes up go back, dts does not."""
        pts, dts, unit = frame.pts, frame.dts, frame.time_base
        if pts is None or dts is None or unit is None:
            return frame.time
        if pts < self._pts and dts > self._dts:
            self._by_dts = True
        self._pts, self._dts = pts, dts
        return float(dts * unit) if self._by_dts else frame.time

    def info(self, fps: float) -> SourceInfo:
        hardware = self._context.pix_fmt in HARDWARE_FORMATS
        name = f"{self._context.name} {self._context.pix_fmt if hardware else 'software'}"
        # Uncompressed pictures need no decoder, so none is missed.
        note = "" if hardware or self._context.name == "rawvideo" else self._note
        info = SourceInfo(*self._size, fps, name, note, self._turn or 0)
        if info != self._info:
            self._info = info
        return self._info


class CodecDecoder(Decoder):
    """A decoder fed with whole access units by ourselves. codec: FFmpeg's name. parameter_sets: Annex B or empty."""

    def __init__(self, codec: str, parameter_sets: bytes, hwaccel: str) -> None:
        accel, note = hardware(hwaccel, codec)
        context = VideoCodecContext.create(codec, "r", accel)
        if not isinstance(context, VideoCodecContext):
            raise SourceError(f"{codec} is not a video codec")
        if parameter_sets:
            context.extradata = parameter_sets
        super().__init__(context, note, live=True)

    def decode_unit(self, data: bytes, timestamp: int, clock: int) -> list[tuple[Picture, float | None]]:
        """timestamp: in ticks, `clock` of them a second."""
        packet = Packet(data)
        packet.pts = packet.dts = timestamp
        packet.time_base = Fraction(1, clock)
        return self.decode(packet)

    def _time(self, frame: VideoFrame) -> float | None:
        return frame.time  # a camera gives no other
