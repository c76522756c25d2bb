"""HTTP beyond MJPEG: what a web server hands out as files."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import av
import pytest

from agent.capture.source import SourceError
from agent.capture.stream import StreamSource
from agent.config.model import CameraConfig
from agent.config.secrets import Secret
from tests.contract.sources.watch import watching
from tests.support.clips import scene, write_clip
from tests.support.counter import read_counter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHORT = {"hls_time": "1", "hls_list_size": "0"}
"""A playlist of all parts, each of a second."""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass


@contextmanager
def web_server(folder: Path, asked: list[str] | None = None, handler: type[Quiet] = Quiet) -> Iterator[str]:
    """asked: what was asked for is appended to it."""

    class Noted(handler):  # type: ignore[misc, valid-type]
        def do_GET(self) -> None:  # noqa: N802 - http.server's name
            if asked is not None:
                asked.append(self.path)
            super().do_GET()

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Noted, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.mark.parametrize("name", ["clip.mkv", "clip.ts", "live.m3u8"])
def test_a_stream_that_ends_is_opened_anew(name: str, tmp_path: Path) -> None:
    write_clip(tmp_path / name, scene(320, 240), frames=40)
    with web_server(tmp_path) as url, watching(CameraConfig("cam", f"{url}/{name}", "http")) as watch:
        (first,) = watch.frames(1)
        assert read_counter(first.picture.y) is not None
        assert watch.until("offline").error == "the stream ended"
        again = watch.frames(2)[-1]
    assert again.index >= 40
    assert again.media_time > first.media_time


@pytest.mark.skipif(not hasattr(av.stream, "Discard"), reason="this PyAV downloads all")
def test_of_a_stream_in_several_sizes_one_is_downloaded(tmp_path: Path) -> None:
    for name, width in (("large", 320), ("small", 160)):
        write_clip(
            tmp_path / f"{name}.m3u8",
            scene(width, 240),
            frames=100,
            counted=False,
            options={"g": "25"},
            container=SHORT,
        )
    lines = [
        f"#EXT-X-STREAM-INF:BANDWIDTH={rate}\n{name}.m3u8" for name, rate in (("large", 900_000), ("small", 90_000))
    ]
    (tmp_path / "all.m3u8").write_text("\n".join(["#EXTM3U", *lines, ""]))
    asked: list[str] = []
    with web_server(tmp_path, asked) as url, watching(CameraConfig("cam", f"{url}/all.m3u8", "http")) as watch:
        watch.until("offline")
    last = [
        max(int(path[6:-3]) for path in asked if re.fullmatch(rf"/{name}\d+\.ts", path)) for name in ("large", "small")
    ]
    assert last[0] == 3
    assert last[1] < 3, "it is read to its end, and looked at by nobody"


def test_a_rate_that_was_only_guessed_is_not_declared(tmp_path: Path) -> None:
    """H.264 counts fields, so that FFmpeg's guess is twice the rate."""
    write_clip(tmp_path / "clip.ts", scene(320, 240), frames=40, options={"bf": "2"})
    with web_server(tmp_path) as url, watching(CameraConfig("cam", f"{url}/clip.ts", "http")) as watch:
        watch.until("offline")
    assert {status.fps for status in watch.statuses if status.state == "online"} <= {0.0, 25.0}


def counters(folder: Path, name: str) -> list[int]:
    """Those of the frames of a file that is played over HTTP to its end."""
    found: list[int] = []
    with web_server(folder) as url:
        source = StreamSource(CameraConfig("cam", f"{url}/{name}", "http"), lambda: False)
        with pytest.raises(SourceError, match="the stream ended"):
            found.extend(read_counter(decoded.picture.y) for decoded in source.frames())
        source.close()
    return found


@pytest.mark.parametrize(("name", "codec"), [("clip.mpg", "mpeg2video"), ("clip.ts", "mpeg4"), ("clip.mkv", "libx264")])
def test_pictures_that_depend_on_later_ones_come_in_order(name: str, codec: str, tmp_path: Path) -> None:
    later = {"tune": "film", "bf": "2", "x264-params": "b-adapt=0"}
    write_clip(tmp_path / name, scene(320, 240), frames=40, codec=codec, options=later)
    assert counters(tmp_path, name) == list(range(40))


@pytest.mark.parametrize("name", ["both.ts", "both.m3u8"])
def test_a_transport_stream_whose_video_gets_another_number_goes_on(name: str, tmp_path: Path) -> None:
    """As an encoder may that is started anew behind a relay."""
    parts, playlist = [], "#EXTM3U\n#EXT-X-TARGETDURATION:2\n"
    for number, first in (("0x100", 0), ("0x150", 40)):
        clip = tmp_path / f"{number}.ts"
        write_clip(clip, scene(320, 240), frames=40, first=first, container={"mpegts_start_pid": number})
        parts.append(clip.read_bytes())
        playlist += f"#EXTINF:1.6,\n{clip.name}\n#EXT-X-DISCONTINUITY\n"
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    (tmp_path / "both.m3u8").write_text(f"{playlist}#EXT-X-ENDLIST\n")
    assert set(counters(tmp_path, name)) > set(range(41, 79))  # at the seams one may be lost


class Unsized(Quiet):
    """Says nothing of the length, and ends the connection, as small servers do."""

    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "Content-Length":
            super().send_header(keyword, value)


@pytest.mark.parametrize("name", ["snapshot.jpg", "snapshot"])
@pytest.mark.parametrize("handler", [Quiet, Unsized])
def test_the_address_of_a_snapshot_is_called_that(
    name: str, handler: type[Quiet], images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.capture.source.STARVED", 1.0)
    (tmp_path / name).write_bytes((images / "img0.jpg").read_bytes())
    with web_server(tmp_path, handler=handler) as url:
        source = StreamSource(CameraConfig("cam", f"{url}/{name}", "http"), lambda: False)
        with pytest.raises(SourceError, match="there is a single picture, no stream"):
            list(source.frames())
        source.close()


def test_a_page_that_is_not_there(tmp_path: Path) -> None:
    with web_server(tmp_path) as url, watching(CameraConfig("cam", f"{url}/none", "http")) as watch:
        assert "404" in watch.until("offline").error


def test_a_login_that_ffmpeg_cannot_do_is_named(tmp_path: Path) -> None:
    class Strict(Quiet):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Digest realm="camera", nonce="n", qop="auth", algorithm=SHA-256')
            self.end_headers()

    with web_server(tmp_path, handler=Strict) as url:
        config = CameraConfig("cam", f"{url}/live", "http", username="viewer", password=Secret("a secret"))
        with watching(config) as watch:
            error = watch.until("offline").error
    assert "check username and password" in error
    assert "Digest with MD5" in error
    assert "a secret" not in error


def test_a_page_that_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<html>" + "camera " * 5000)
    with web_server(tmp_path) as url, watching(CameraConfig("cam", f"{url}/index.html", "http")) as watch:
        assert "is not a video" in watch.until("offline").error
