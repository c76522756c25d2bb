"""Cameras that send more than can be decoded: no picture may be old."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import av
import pytest

from agent.capture.lag import BEHIND, PATIENCE, Lag
from agent.capture.pyav import CodecDecoder, Decoder
from agent.config.model import CameraConfig
from tests.contract.sources.watch import watching
from tests.support.clips import scene, write_clip
from tests.support.counter import read_counter
from tests.support.servers import RTSP_URL, rtsp_missing, rtsp_server, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FPS = 25


@contextmanager
def live(clip: Path, container: str) -> Iterator[tuple[str, dict[int, float]]]:
    """Sends the clip in real time in that container: the URL, and when each picture was taken, by its counter."""
    taken: dict[int, float] = {}

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if container == "mpjpeg":
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=ffmpeg")
            self.end_headers()
            try:
                with av.open(str(clip)) as film, av.open(self.wfile, "w", container) as output:
                    video = film.streams.video[0]
                    stream = output.add_stream_from_template(video)
                    began = time.monotonic()
                    for index, packet in enumerate(film.demux(video)):
                        taken[index] = began + index / FPS
                        time.sleep(max(0.0, taken[index] - time.monotonic()))
                        packet.stream = stream
                        output.mux(packet)
            except (OSError, av.FFmpegError):
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.parametrize(("container", "codec"), [("mpjpeg", "mjpeg"), ("mpegts", "libx264")])
def test_no_picture_is_old_though_decoding_is_slower_than_the_camera(
    container: str, codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of 25 pictures a second five can be decoded: they would be six seconds old after eight."""
    decode = Decoder.decode

    def slowly(*arguments: Any) -> Any:
        time.sleep(0.2)
        return decode(*arguments)

    monkeypatch.setattr(Decoder, "decode", slowly)
    name = "clip.avi" if codec == "mjpeg" else "clip.mp4"
    clip = write_clip(tmp_path / name, scene(320, 240), frames=12 * FPS, codec=codec)
    ages: list[float] = []
    with live(clip, container) as (url, taken), watching(CameraConfig("cam", url, "http")) as watch:
        watch.frames(1)
        began = time.monotonic()
        while time.monotonic() < began + 8:
            (frame,) = watch.frames(1)
            ages.append(time.monotonic() - taken[read_counter(frame.picture.y) or 0])
            watch.camera.poll(time.monotonic())
    assert max(ages) < BEHIND + PATIENCE + 2.5
    assert len(ages) > 8
    assert watch.camera.mailbox.dropped["overtaken"] > 50
    assert watch.states == ["connecting", "online"]
    assert caplog.text.count("decoding is slower than the camera sends") == 1


@pytest.mark.parametrize(("container", "codec"), [("mpjpeg", "mjpeg"), ("mpegts", "libx264")])
def test_who_keeps_up_leaves_nothing_out(container: str, codec: str, tmp_path: Path) -> None:
    name = "clip.avi" if codec == "mjpeg" else "clip.mp4"
    clip = write_clip(tmp_path / name, scene(320, 240), frames=12 * FPS, codec=codec)
    with live(clip, container) as (url, _), watching(CameraConfig("cam", url, "http")) as watch:
        began, last = time.monotonic(), watch.frames(1)[0]
        while time.monotonic() < began + 3:
            (last,) = watch.frames(1)
        assert last.index == read_counter(last.picture.y)


@pytest.mark.rooted
def test_what_was_left_out_before_the_end_of_a_stream_is_counted_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if rtsp_missing():
        pytest.skip(rtsp_missing())
    looks: list[float] = []

    def leaves_out(_: Lag, arrived: float, *__: float, **___: bool) -> bool:
        looks.append(arrived)
        return len(looks) > 5

    monkeypatch.setattr(Lag, "leaves_out", leaves_out)
    clip = write_clip(tmp_path / "clip.mp4", scene(320, 240), frames=50)
    with (
        serve(rtsp_server(clip, fps=25), RTSP_URL) as server,
        watching(CameraConfig("cam", server.url, "rtsp")) as watch,
    ):
        watch.wait(lambda: len(looks) > 20)
        server.kill()
        watch.until("offline")
        assert watch.taken > 0
        assert watch.taken + watch.camera.mailbox.dropped["overtaken"] == len(looks)


@pytest.mark.rooted
def test_no_picture_of_an_rtsp_camera_is_old_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """At 25 pictures a second ten can be decoded. They would be four seconds old after seven, and older then."""
    if rtsp_missing():
        pytest.skip(rtsp_missing())
    decode = CodecDecoder.decode_unit

    def slowly(*arguments: Any) -> Any:
        time.sleep(0.1)
        return decode(*arguments)

    monkeypatch.setattr(CodecDecoder, "decode_unit", slowly)
    clip = write_clip(tmp_path / "clip.mp4", scene(320, 240), frames=500)  # longer than the test
    ages: list[float] = []
    with (
        serve(rtsp_server(clip, fps=25), RTSP_URL) as server,
        watching(CameraConfig("cam", server.url, "rtsp")) as watch,
    ):
        watch.frames(1)
        began = time.monotonic()
        while time.monotonic() < began + 9:
            (frame,) = watch.frames(1)
            ages.append(time.monotonic() - server.sent[read_counter(frame.picture.y)])
            watch.camera.poll(time.monotonic())
    assert max(ages) < BEHIND + PATIENCE + 1
    assert len(ages) > 30
    assert watch.camera.mailbox.dropped["overtaken"] > 50
    assert watch.states == ["connecting", "online"]
    assert caplog.text.count("decoding is slower than the camera sends") == 1
