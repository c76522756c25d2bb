"""The RTSP client against servers that no honest camera is. Only SourceError or UnsupportedError may come out."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from agent.capture import source as source_of
from agent.capture.camera import Camera
from agent.capture.mailbox import Mailbox
from agent.capture.rtsp import RtspClient
from agent.capture.rtsp_auth import Credentials
from agent.capture.rtsp_source import RtspSource
from agent.capture.source import SourceError, UnsupportedError
from agent.config.model import CameraConfig
from tests.support.rtsp_camera import SDP, TCP, camera, honest, instead, play, reply, rtp

if TYPE_CHECKING:
    from collections.abc import Callable

SOUND = "v=0\r\nm=audio 0 RTP/AVP 8\r\nm=audio 0 RTP/AVP 0\r\n"


@pytest.mark.parametrize(
    ("method", "answer", "says"),
    [
        pytest.param("DESCRIBE", lambda _: b"", "closed the connection", id="hangs up"),
        pytest.param("OPTIONS", lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", "no answer", id="is a web server"),
        pytest.param("DESCRIBE", lambda _: b"x" * 20_000, "not RTSP", id="endless line"),
        pytest.param("DESCRIBE", lambda r: reply(r, *["A: b"] * 500), "header lines", id="endless headers"),
        pytest.param("DESCRIBE", lambda r: reply(r, "Content-Length: " + "9" * 8000), "longer than", id="huge body"),
        pytest.param("DESCRIBE", lambda r: reply(r, "Content-Length: 10"), "no answer", id="body never comes"),
        pytest.param("DESCRIBE", lambda r: reply(r, status="404 Not Found"), "path", id="no such stream"),
        pytest.param("DESCRIBE", lambda r: reply(r, body=SOUND), "no video there, only audio (check", id="sound"),
        pytest.param("DESCRIBE", lambda r: reply(r, status="401 No"), "set username", id="login wanted"),
        pytest.param("DESCRIBE", lambda r: reply(r, status="x y"), "answers 0", id="no status"),
        pytest.param("DESCRIBE", lambda _: bytes(range(128, 256)) * 100, "not RTSP", id="binary"),
        pytest.param("DESCRIBE", lambda _: b"$\x00\xff\xff" + bytes(9), "no answer", id="interleaved cut short"),
        pytest.param("SETUP", lambda r: reply(r, TCP, status="453 Not Enough Bandwidth"), "453", id="too many"),
        pytest.param("PLAY", reply, "no data", id="never plays"),
        pytest.param("PLAY", lambda r: reply(r, status="455 Not Valid"), "455 Not Valid to PLAY", id="will not play"),
        pytest.param("PLAY", lambda r: reply(r) + b"\x00\x01\x02" * 9000, "not RTSP", id="out of step"),
    ],
)
def test_what_it_says_of_a_strange_camera(method: str, answer: Callable[[str], bytes], says: str) -> None:
    with camera(instead(method, answer)) as fake, pytest.raises(SourceError, match=re.escape(says)):
        play(fake.url)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        pytest.param("DESCRIBE", lambda r: reply(r, body="v=0\r\n"), id="nothing described"),
        pytest.param("DESCRIBE", lambda r: reply(r, body=SDP.replace("H264", "JPEG")), id="another codec"),
        pytest.param("DESCRIBE", lambda r: reply(r, "Location: rtsp://x/", status="302 Found"), id="elsewhere"),
        pytest.param("DESCRIBE", lambda r: reply(r, "Content-Length: -1"), id="negative length"),
        pytest.param("OPTIONS", lambda r: reply(r, "Location: rtsp://x/", status="302 Found"), id="all elsewhere"),
        pytest.param("SETUP", lambda r: reply(r, status="461 Unsupported Transport"), id="no TCP"),
        pytest.param("SETUP", lambda r: reply(r, "Transport: RTP/AVP;unicast;client_port=1-2"), id="UDP anyway"),
    ],
)
def test_what_it_leaves_to_ffmpeg(method: str, answer: Callable[[str], bytes]) -> None:
    with camera(instead(method, answer)) as fake, pytest.raises(UnsupportedError):
        play(fake.url)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        *(
            pytest.param("OPTIONS", lambda r, status=status: reply(r, status=status), id=f"OPTIONS {status}")
            for status in ("400 Bad Request", "403 Forbidden", "404 Not Found", "405 No", "501 No", "551 No")
        ),
        pytest.param("SETUP", lambda r: reply(r, TCP, "Session: 7", "Content-Length:"), id="length empty"),
        pytest.param("SETUP", lambda r: reply(r, TCP, "Session: 7", "Content-Length: 0 bytes"), id="length in bytes"),
        pytest.param("SETUP", lambda r: reply(r, TCP, "Session: 7", "Content-Length: -1"), id="length below 0"),
        pytest.param("PLAY", lambda r: reply(r, status="200OK"), id="no blank after the status"),
        pytest.param("PLAY", lambda r: reply(r, status="200"), id="no reason"),
        pytest.param("PLAY", lambda r: reply(r).removesuffix(b"\r\n"), id="no empty line"),
        pytest.param("PLAY", lambda r: reply(r, "Content-Length: 9").removesuffix(b"\r\n"), id="nor a body"),
    ],
)
def test_small_faults_that_stop_nothing(method: str, answer: Callable[[str], bytes]) -> None:
    def played(asked: str, request: str) -> bytes:
        return instead(method, answer)(asked, request) + (rtp(b"$one", 1) + rtp(b"two", 2)) * (asked == "PLAY")

    with camera(played) as fake:
        client = RtspClient(fake.url, None, timeout=5, stop=bool)
        client.play(client.describe())
        packets = client.packets()
        assert [next(packets)[12:] for _ in range(2)] == [b"$one", b"two"]
        client.close()


def test_tracks_are_relative_to_an_absolute_control_of_the_session() -> None:
    """As FFmpeg has it, whatever the answer names as its base."""
    body = SDP.replace("v=0\r\n", "v=0\r\na=control:rtsp://camera/other\r\n")
    described = instead("DESCRIBE", lambda r: reply(r, "Content-Base: rtsp://camera/live/", body=body))
    with camera(described) as fake:
        client = RtspClient(fake.url, None, timeout=5, stop=bool)
        client.play(client.describe())
        client.close()
    asked = [request.split()[:2] for request in fake.requests]
    assert asked[2:4] == [["SETUP", "rtsp://camera/other/track1"], ["PLAY", "rtsp://camera/other"]]


@pytest.mark.parametrize("method", ["Basic dmlld2VyOnNlY3JldA==", 'digest username="viewer", response="1f2e"'])
def test_what_a_camera_echoes_of_a_login_is_not_told(method: str) -> None:
    refused = instead("DESCRIBE", lambda r: reply(r, status=f"400 No\x1b[31m: Authorization: {method}" + "x" * 999))
    with camera(refused) as fake, pytest.raises(SourceError) as caught:
        play(fake.url, Credentials("viewer", "secret"))
    assert "400 No [31m: Authorization" in str(caught.value)
    assert not re.search("dmll|viewer|1f2e|x{9}", str(caught.value))


def test_packets_of_its_channel_come_out_and_the_session_is_kept_alive() -> None:
    def answer(method: str, request: str) -> bytes:
        if method == "PLAY":
            return reply(request) + rtp(b"one", 1) + b"$\x05\x00\x02xx" + rtp(b"two", 2)
        return reply(request) + rtp(b"alive", 3) if method == "GET_PARAMETER" else honest(method, request)

    with camera(answer) as fake:
        client = RtspClient(fake.url, None, timeout=5, stop=bool)
        client.play(client.describe())
        client._keepalive = 0.0
        packets = client.packets()
        assert [next(packets)[12:] for _ in range(3)] == [b"one", b"two", b"alive"]
        client.close()
    asked = [request.split("\r\n")[0] for request in fake.requests]
    assert asked[2:4] == ["SETUP rtsp://camera/live/track1 RTSP/1.0", "PLAY rtsp://camera/live/ RTSP/1.0"]
    assert asked[-1].startswith("TEARDOWN")
    assert all("Session: 77" in request for request in fake.requests[3:])


def test_rtp_nonsense_is_counted_and_no_picture() -> None:
    nonsense = b"".join(rtp(bytes([kind]) + b"nonsense" * 9, kind) for kind in range(256)) + b"$\x04\x00\x03abc"
    with camera(instead("PLAY", lambda request: reply(request) + nonsense)) as fake:
        source = RtspSource(CameraConfig("cam", fake.url, "rtsp", timeout=0.6), lambda: False)
        with pytest.raises(SourceError, match="no data"):
            list(source.frames())
        assert source.corrupt > 0
        source.close()


def test_data_that_comes_to_nothing_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_of, "STARVED", 0.3)
    nonsense = b"".join(rtp(b"\x41\x9anonsense", n) for n in range(200))
    with camera(instead("PLAY", lambda request: reply(request) + nonsense), pause=0.001) as fake:
        source = RtspSource(CameraConfig("cam", fake.url, "rtsp", timeout=5), lambda: False)
        with pytest.raises(SourceError, match="data arrives, but"):
            list(source.frames())
        source.close()


DRIPPING = pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda r: reply(r, "Public: " + "x" * 600), id="line"),
        pytest.param(lambda r: reply(r, *["A: b"] * 60), id="headers"),
        pytest.param(lambda r: reply(r, body="x" * 600), id="body"),
        pytest.param(lambda _: rtp(bytes(600), 1), id="packet before it"),
    ],
)


@DRIPPING
def test_an_answer_that_comes_byte_by_byte_has_a_deadline(answer: Callable[[str], bytes]) -> None:
    """Twelve seconds and more of them; each byte comes in time."""
    with camera(lambda _, request: answer(request), pause=0.02) as fake:
        with pytest.raises(SourceError, match=r"no answer within 0\.6 s"):
            play(fake.url)
        assert len(fake.requests) == 1


@pytest.mark.parametrize(("pause", "opens"), [(0.3, True), (0.9, False)])
def test_the_answers_together_have_a_deadline(pause: float, opens: bool) -> None:
    """Each of the four comes in time. A camera that is slow, but not that slow, is opened."""

    def slowly(method: str, request: str) -> bytes:
        time.sleep(pause)
        return honest(method, request)

    with camera(slowly) as fake:
        client = RtspClient(fake.url, None, timeout=1, stop=bool)
        with nullcontext() if opens else pytest.raises(SourceError, match="no answer within"):
            client.play(client.describe())
        client.close()
        assert len([request for request in fake.requests if not request.startswith("TEARDOWN")]) == 3 + opens


@DRIPPING
def test_a_stop_does_not_wait_for_it(answer: Callable[[str], bytes]) -> None:
    stop = threading.Event()
    with camera(lambda _, request: answer(request) * 9, pause=0.02) as fake:
        threading.Timer(0.2, stop.set).start()
        began = time.monotonic()
        with pytest.raises(SourceError):
            RtspSource(CameraConfig("cam", fake.url, "rtsp", timeout=60), stop.is_set)
        assert time.monotonic() - began < 30


def test_empty_lines_between_packets_are_none() -> None:
    """RFC 2326, 4: they are to be ignored."""
    played = b"\r\n" + rtp(b"one", 1) + b"\n" + rtp(b"two", 2) + b"\r\n\r\n" + rtp(b"three", 3)
    with camera(instead("PLAY", lambda request: b"\r\n" + reply(request) + played)) as fake:
        client = RtspClient(fake.url, None, timeout=5, stop=bool)
        client.play(client.describe())
        packets = client.packets()
        assert [next(packets)[12:] for _ in range(3)] == [b"one", b"two", b"three"]
        client.close()


def test_interrupt_ends_a_blocked_read() -> None:
    with camera(honest) as fake:
        source = RtspSource(CameraConfig("cam", fake.url, "rtsp", timeout=60), lambda: False)
        began = time.monotonic()
        threading.Timer(0.2, source.interrupt).start()
        with pytest.raises(SourceError):
            list(source.frames())
        assert time.monotonic() - began < 30
        source.close()


def test_a_packet_that_drips_does_not_keep_a_camera_from_being_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, and the packet never."""
    monkeypatch.setattr("agent.capture.camera.STARVED", 0.3)
    dripping = b"$\x04\xff\xff" + bytes(60_000)
    with camera(instead("PLAY", lambda request: reply(request) + dripping), pause=0.02) as fake:
        watched = Camera(CameraConfig("cam", fake.url, "rtsp", timeout=0.5), Mailbox(lambda: None, wait=False))
        watched.start()
        deadline = time.monotonic() + 30
        while watched.reconnects < 1:
            assert time.monotonic() < deadline, watched.status(time.monotonic())
            time.sleep(0.05)
            watched.poll(time.monotonic())
        watched.stop()
        assert watched.join(5)


def test_who_cannot_be_reached_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for url, text in (
        (f"rtsp://127.0.0.1:{port}/s", f"cannot reach 127.0.0.1:{port}: Connection refused"),
        ("rtsp://camera.invalid/s", "cannot reach camera.invalid:554: "),
        (f"rtsps://[::1]:{port}/s", f"cannot reach [::1]:{port}: "),
    ):
        with pytest.raises(SourceError, match=re.escape(text)):
            RtspClient(url, None, 5.0, lambda: False)
