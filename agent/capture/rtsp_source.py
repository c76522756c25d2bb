"""An RTSP camera over TCP or TLS with H.264 or H.265: our own client, so that a whole picture is out at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agent.capture import tls
from agent.capture.lag import Lag
from agent.capture.pyav import CodecDecoder
from agent.capture.rtp import CLOCK, Depacketizer, MalformedError, parse
from agent.capture.rtsp import RtspClient
from agent.capture.rtsp_auth import Credentials
from agent.capture.source import Decoded, SourceError, SourceInfo, Stop, starved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.model import CameraConfig


class RtspSource:
    """Raises UnsupportedError where FFmpeg's client should be tried instead, else SourceError."""

    def __init__(self, config: CameraConfig, stop: Stop) -> None:
        self._stop = stop
        self._dropped = 0
        self._lag = Lag()
        self.skipped = 0
        password = config.password.reveal() if config.password else ""
        credentials = Credentials(config.username, password) if config.username else None
        secure = tls.handshake(config) if config.encrypted else None
        self._client = RtspClient(config.source, credentials, config.timeout, stop, secure)
        try:
            self._track = self._client.describe()
            self._decoder = CodecDecoder(self._track.codec, self._track.parameter_sets, config.hwaccel)
            self._client.play(self._track)
        except BaseException:
            self._client.close()
            raise

    @property
    def info(self) -> SourceInfo:
        return self._decoder.info(self._track.fps)

    @property
    def corrupt(self) -> int:
        return self._dropped + self._decoder.corrupt

    @property
    def skipping(self) -> bool:
        return self._lag.skipping

    def frames(self) -> Iterator[Decoded]:
        depacketizer = Depacketizer(self._track.codec, self._track.payload_type)
        since: float | None = None
        for data in self._client.packets():
            arrived = time.monotonic()
            if since is None:
                since = arrived
            starved(since, arrived)
            try:
                packet = parse(data)
            except MalformedError:
                self._dropped += 1
                continue
            for unit in depacketizer.push(packet):
                if unit.damaged:
                    self._dropped += 1
                    continue
                if self._lag.leaves_out(arrived, unit.timestamp / CLOCK, key=unit.key, more=self._client.more):
                    self.skipped += 1
                    continue
                for picture, pts in self._decoder.decode_unit(unit.data, unit.timestamp, CLOCK):
                    since = None
                    skipped, self.skipped = self.skipped, 0
                    yield Decoded(picture, pts, arrived, skipped)
        if not self._stop():
            raise SourceError("the stream ended")

    def interrupt(self) -> None:
        self._client.interrupt()

    def close(self) -> None:
        self._client.close()
