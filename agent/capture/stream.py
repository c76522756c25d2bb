"""A stream or a file that FFmpeg demuxes for us, through PyAV. Its options: `ffmpeg_options`; its decoders: `pyav`."""

from __future__ import annotations

import errno
import time
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import av
from av.error import FFmpegError, InvalidDataError
from av.stream import Disposition

from agent.capture import tls, v4l2
from agent.capture.ffmpeg_options import AVFORMAT, Input, explain, inputs_of
from agent.capture.lag import Lag, Waits
from agent.capture.pyav import LIMITS, Decoder, hardware
from agent.capture.source import Decoded, SourceError, SourceInfo, Stop, starved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.codec.hwaccel import HWAccel
    from av.container.input import InputContainer
    from av.packet import Packet

    from agent.config.model import CameraConfig

CLOCKLESS = frozenset({"mpjpeg", "mjpeg", "h264", "hevc"})
"""Formats that carry no time: FFmpeg then numbers the pictures as if there were 25 a second."""
VERIFIES_RTSPS = 62
"""The libavformat whose RTSP client heeds `tls_verify`; 61 silently does not."""
_LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
"""A title in another alphabet is no reason not to open a source; PyAV 19 thinks so by itself."""
_DISCARD: Any = getattr(av.stream, "Discard", None)
"""What a stream is told that nobody wants; an older PyAV has no word for it."""
MOST_ERRORS = 100
"""Unreadable packets in a row after which a file counts as ended."""
AT_ONCE = {"analyzeduration": "1"}
"""Else FFmpeg looks at 25 pictures of JPEGs in a row before it shows the first one."""
_STREAM = "take the address of the camera's MJPEG or RTSP stream"
BREATH = 0.01
"""Seconds of rest after as many of a live stream: were they to come without a wait, the processor would be theirs."""


class StreamSource:
    """A file, an HTTP stream, a V4L2 device, or an RTSP stream our own client leaves to FFmpeg's."""

    def __init__(self, config: CameraConfig, stop: Stop) -> None:
        self._config = config
        self._stop = stop
        self._unreadable = 0
        self._shown = 0
        # A file waits for whoever reads it, and a driver throws away itself what nobody takes.
        self._lag = Lag() if config.kind in {"http", "rtsp"} else None
        self.skipped = 0
        self._begin(inputs_of(config))
        self._device = v4l2.descriptor_of(config.source) if config.kind == "v4l2" else None

    def _begin(self, ways: list[Input]) -> None:
        """Opens the source in one of these ways. Raises SourceError."""
        config = self._config
        self._container = self._open(ways)
        video = self._container.streams.video
        if not video:
            self._container.close()
            raise SourceError(f"no video in {config.source}")
        # Not the largest, as FFmpeg has it: of a playlist the first is the one that is meant for everybody.
        self._stream = next((one for one in video if not one.disposition & Disposition.attached_pic), video[0])
        if _DISCARD is not None:  # else each size of a playlist is downloaded, to be looked at by nobody
            for stream in self._container.streams:
                if stream is not self._stream:
                    stream.discard = _DISCARD.all
        context = self._stream.codec_context
        if context is None:
            self._container.close()
            raise SourceError(f"FFmpeg has no decoder for the video in {config.source}")
        try:
            self._decoder = Decoder(context, self._note, live=config.live)
        except SourceError:
            self._container.close()
            raise
        # What is guessed of the beginning of a live stream may be off by two.
        rate = self._stream.average_rate or (None if config.live else self._stream.guessed_rate)
        self._clockless = config.live and self._container.format.name in CLOCKLESS
        self._fps = float(rate) if rate and not self._clockless else 0.0

    def _open(self, ways: list[Input]) -> InputContainer:
        config = self._config
        if config.kind == "rtsp" and config.encrypted and not config.tls.insecure and AVFORMAT < VERIFIES_RTSPS:
            raise SourceError("the FFmpeg of this PyAV cannot verify such an rtsps:// stream", "install av 16 or newer")
        accel, self._note = hardware(config.hwaccel, "h264")
        for way in ways[:-1]:
            try:
                return self._try(way, accel)
            except FFmpegError:
                continue
        try:
            return self._try(ways[-1], accel)
        except FFmpegError as error:
            refused = tls.refusal(self._config) if error.errno == errno.EIO else None
            raise refused or explain(error, self._config) from None

    def _try(self, way: Input, accel: HWAccel | None) -> InputContainer:
        timeout, options = self._config.timeout, way.options | LIMITS
        waiting = v4l2.opening(way.url, timeout) if self._config.kind == "v4l2" else nullcontext()
        container: InputContainer | None = None
        try:
            with waiting:
                container = av.open(
                    way.url, "r", way.format, options, timeout=(timeout, timeout), hwaccel=accel, **_LENIENT
                )
        except SourceError:
            if container is not None:  # else the device stays busy until the garbage is collected
                container.close()
            raise
        return container

    @property
    def info(self) -> SourceInfo:
        return self._decoder.info(self._fps)

    @property
    def corrupt(self) -> int:
        return self._unreadable + self._decoder.corrupt

    @property
    def skipping(self) -> bool:
        return self._lag is not None and self._lag.skipping

    def frames(self) -> Iterator[Decoded]:
        try:
            yield from self._all_pictures()
        except SourceError:
            if self._still:
                raise SourceError("there is a single picture, no stream", _STREAM) from None
            raise

    @property
    def _still(self) -> bool:
        """Whether it is one picture that a web server hands out, however FFmpeg puts it that there is no more."""
        name, shown = self._container.format.name, self._shown
        still = (name == "image2" and shown < 2) or (name.endswith("_pipe") and shown == 1)
        return self._config.kind == "http" and still

    def _all_pictures(self) -> Iterator[Decoded]:
        yield from self._pictures()
        if self._may_be_misnamed and not self._stop():
            self._container.close()
            self._unreadable += self._decoder.corrupt
            ways = inputs_of(self._config)
            self._begin([replace(way, format="mjpeg", options=way.options | AT_ONCE) for way in ways])
            yield from self._pictures()
        if self._stop():
            return
        if not self._shown:
            raise SourceError(f"no picture of {self._config.source} could be decoded")
        if self._config.live:
            raise SourceError("the stream ended")

    @property
    def _may_be_misnamed(self) -> bool:
        """Whether its parts may be JPEGs that are not called image/jpeg, for which FFmpeg does not take them then."""
        return not self._shown and self._container.format.name == "mpjpeg"

    def _pictures(self) -> Iterator[Decoded]:
        since: float | None = None
        waits = Waits(time.monotonic())
        for packet in self._packets():
            arrived = time.monotonic()
            more = waits.more(arrived)
            if self._stop():
                return
            if since is None:
                since = arrived
            if packet.stream is self._stream and not self._leaves_out(packet, arrived, more=more):
                for picture, pts in self._decoder.decode(packet):
                    since = None
                    self._shown += 1
                    skipped, self.skipped = self.skipped, 0
                    yield Decoded(picture, None if self._clockless else pts, arrived, skipped)
            if self._config.live:
                starved(since, arrived)
            waits.begin(time.monotonic())

    def _leaves_out(self, packet: Packet[Any], arrived: float, *, more: bool) -> bool:
        if self._lag is None or not packet.size:  # the end, at which the decoder gives what it has
            return False
        ticks, unit = packet.dts if packet.dts is not None else packet.pts, packet.time_base
        time_of = None if self._clockless or ticks is None or unit is None else float(ticks * unit)
        out = self._lag.leaves_out(arrived, time_of, key=packet.is_keyframe, more=more)
        self.skipped += out
        return out

    def _packets(self) -> Iterator[Packet[Any]]:
        errors = 0
        since: float | None = None
        while not self._stop():
            try:
                if not self._ready():
                    return
                for packet in self._container.demux():
                    errors, since = 0, None
                    yield packet
                    if not self._ready():
                        return
                return
            except (InvalidDataError, BlockingIOError):  # the latter of a transport stream with a hole in it
                errors += 1
                self._unreadable += 1
                if errors >= MOST_ERRORS and (self._may_be_misnamed or not self._config.live):
                    return
                since = time.monotonic() if since is None else since
                self._wait_for_better(errors, since)
            except FFmpegError as error:
                raise explain(error, self._config, opened=True) from None

    def _wait_for_better(self, errors: int, since: float) -> None:
        """Of a live stream the clock decides: each line of one broken JPEG is an error of its own."""
        if self._config.live:
            starved(since, time.monotonic())
            if errors % MOST_ERRORS == 0:
                time.sleep(BREATH)

    def _ready(self) -> bool:
        return self._device is None or v4l2.readable(self._device, self._config.timeout, self._stop)

    def interrupt(self) -> None:
        """FFmpeg cannot be interrupted from another thread; its reads end at the latest after `timeout`."""

    def close(self) -> None:
        self._container.close()
