"""The RTSP client against servers that no honest camera is. Only SourceError or UnsupportedError may come out."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
import time
from contextlib import contextmanager
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Answer = Callable[[str, str], bytes]

SDP = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
TCP = "Transport: RTP/AVP/TCP;unicast;interleaved=4-5"


def reply(request: str, *headers: str, status: str = "200 OK", body: str = "") -> bytes:
    sequence = re.search(r"CSeq: (\d+)", request)
    lines = [f"RTSP/1.0 {status}", f"CSeq: {sequence[1] if sequence else 0}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", body]).encode()


def honest(method: str, request: str) -> bytes:
    match method:
        case "OPTIONS":
            return reply(request, "Public: DESCRIBE, SETUP, PLAY, GET_PARAMETER")
        case "DESCRIBE":
            return reply(request, "Content-Base: rtsp://camera/live/", body=SDP)
        case "SETUP":
            return reply(request, TCP, "Session: 77;timeout=2")
        case _:
            return reply(request)


class FakeCamera:
    """Answers each request by a function; an empty answer closes the connection. pause: seconds after each byte."""

    def __init__(self, answer: Answer, pause: float = 0.0) -> None:
        self.requests: list[str] = []
        self._pause = pause
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.url = f"rtsp://127.0.0.1:{self._listener.getsockname()[1]}/live"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.settimeout(10)
        with connection:
            pending = b""
            while True:
                try:
                    data = connection.recv(4096)
                    if not data:
                        return
                    pending += data
                    while b"\r\n\r\n" in pending:
                        head, _, pending = pending.partition(b"\r\n\r\n")
                        self.requests.append(head.decode())
                        answer = self._answer(head.decode().split()[0], head.decode())
                        if not answer:
                            return
                        self._send(connection, answer)
                except OSError:
                    return

    def _send(self, connection: socket.socket, answer: bytes) -> None:
        if not self._pause:
            connection.sendall(answer)
            return
        for byte in answer:
            connection.sendall(bytes([byte]))
            time.sleep(self._pause)

    def close(self) -> None:
        self._listener.close()
        self._thread.join(12)


@contextmanager
def camera(answer: Answer, pause: float = 0.0) -> Iterator[FakeCamera]:
    fake = FakeCamera(answer, pause)
    try:
        yield fake
    finally:
        fake.close()


def instead(method: str, answer: Callable[[str], bytes]) -> Answer:
    return lambda asked, request: answer(request) if asked == method else honest(asked, request)


def play(url: str, credentials: Credentials | None = None) -> None:
    client = RtspClient(url, credentials, timeout=0.6, stop=bool)
    try:
        client.play(client.describe())
        for _ in client.packets():
            pass
    finally:
        client.close()


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
        pytest.param("DESCRIBE", lambda r: reply(r, body="v=0\r\nm=audio 0 RTP/AVP 8\r\n"), id="no video"),
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


def rtp(payload: bytes, sequence: int) -> bytes:
    packet = b"\x80\xe0" + sequence.to_bytes(2, "big") + bytes(8) + payload
    return b"$\x04" + len(packet).to_bytes(2, "big") + packet


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


@pytest.mark.parametrize(("algorithm", "function"), [("MD5", hashlib.md5), ("SHA-256", hashlib.sha256)])
def test_digest_is_what_the_rfc_says(algorithm: str, function: Callable[[bytes], object]) -> None:
    def hashed(text: str) -> str:
        return function(text.encode()).hexdigest()  # type: ignore[attr-defined, no-any-return]

    def answer(method: str, request: str) -> bytes:
        challenge = f'realm="cam, era", nonce="n1", algorithm={algorithm}, qop="auth,auth-int", opaque="o"'
        offers = ['WWW-Authenticate: Basic realm="x"', f"WWW-Authenticate: Digest {challenge}"]
        found = re.search(r"Authorization: Digest (.*)", request)
        if found is None:
            return reply(request, *offers, status="401 Unauthorized")
        given = {key: a or b for key, a, b in re.findall(r'([a-z]+)=(?:"([^"]*)"|([^\s,]+))', found[1])}
        uri = request.split()[1]
        ha1, ha2 = hashed("viewer:cam, era:secret"), hashed(f"{method}:{uri}")
        expected = hashed(f"{ha1}:n1:{given['nc']}:{given['cnonce']}:auth:{ha2}")
        assert given["opaque"] == "o"
        if given["response"] != expected or given["uri"] != uri:
            return reply(request, *offers, status="401 Unauthorized")
        return honest(method, request)

    with camera(answer) as fake:
        client = RtspClient(fake.url, Credentials("viewer", "secret"), timeout=2, stop=bool)
        assert client.describe().control == "track1"
        client.close()
    with camera(answer) as fake, pytest.raises(SourceError, match="check username and password"):
        play(fake.url, Credentials("viewer", "wrong"))


@contextmanager
def wanting(algorithm: str) -> Iterator[str]:
    wants = f'WWW-Authenticate: Digest realm="a", nonce="b", algorithm={algorithm}'
    with camera(lambda _, request: reply(request, wants, status="401 No")) as fake:
        yield fake.url


def test_an_unknown_login_method_is_named_as_such() -> None:
    with wanting("SHA-512-256") as url, pytest.raises(SourceError, match="other than Digest and Basic"):
        play(url, Credentials("viewer", "secret"))


def test_a_login_that_ffmpeg_knows_is_left_to_it() -> None:
    with wanting("MD5-sess") as url, pytest.raises(UnsupportedError):
        play(url, Credentials("viewer", "secret"))


DIGEST = 'Digest realm="a Basic realm, Basic", nonce="n"'


@pytest.mark.parametrize(
    "offer",
    [
        f'{DIGEST}, Basic realm="x"',
        f'Basic realm="x", {DIGEST}',
        f'Basic realm="x" {DIGEST}',
        DIGEST.replace(" ", "\t", 1),
    ],
)
def test_a_line_may_offer_two_ways_to_log_in(offer: str) -> None:
    def answer(method: str, request: str) -> bytes:
        if "Authorization: " in request:
            return honest(method, request)
        return reply(request, f"WWW-Authenticate: {offer}", status="401 Unauthorized")

    with camera(answer) as fake:
        client = RtspClient(fake.url, Credentials("viewer", "secret"), timeout=2, stop=bool)
        client.describe()
        client.close()
    assert 'Authorization: Digest username="viewer", realm="a Basic realm, Basic", nonce="n"' in fake.requests[1]
    assert not any("Authorization: Basic" in request for request in fake.requests)


@pytest.mark.parametrize(("algorithm", "error"), [("SHA-512-256", SourceError), ("MD5-sess", UnsupportedError)])
def test_a_camera_with_a_digest_is_not_sent_a_readable_password(algorithm: str, error: type[Exception]) -> None:
    wants = f'WWW-Authenticate: Basic realm="x", Digest realm="a", nonce="b", algorithm={algorithm}'
    with camera(lambda _, request: reply(request, wants, status="401 No")) as fake, pytest.raises(error):
        play(fake.url, Credentials("viewer", "secret"))
    assert not any("Authorization" in request for request in fake.requests)


def growing_old(nonces: Mapping[str, str]) -> Answer:
    """Wants a login under the nonce of each method, "" for the others'; what it plays comes with each answer."""

    def answer(method: str, request: str) -> bytes:
        nonce = nonces.get(method, nonces[""])
        if f'nonce="{nonce}"' not in request:
            wants = f'WWW-Authenticate: Digest realm="r", nonce="{nonce}", qop="auth", stale=true'
            return reply(request, wants, status="401 Unauthorized")
        return honest(method, request) + (rtp(b"picture", 1) if method in {"PLAY", "GET_PARAMETER"} else b"")

    return answer


def counts(requests: Sequence[str], nonce: str) -> list[str]:
    return [
        found[1] for request in requests if f'nonce="{nonce}"' in request if (found := re.search("nc=(.*?),", request))
    ]


def test_a_nonce_that_has_grown_old_costs_no_session() -> None:
    with camera(growing_old({"": "young", "GET_PARAMETER": "next"})) as fake:
        client = RtspClient(fake.url, Credentials("viewer", "secret"), timeout=5, stop=bool)
        client.play(client.describe())
        client._keepalive = 0.0
        packets = client.packets()
        assert [next(packets)[12:] for _ in range(3)] == [b"picture"] * 3
        client.close()
    asked = [request.split()[0] for request in fake.requests]
    assert asked[:7] == ["OPTIONS", "OPTIONS", "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER", "GET_PARAMETER"]
    assert counts(fake.requests, "young") == [f"{n:08x}" for n in range(1, 6)], "a nonce's uses are to be counted"
    assert counts(fake.requests, "next")[:2] == ["00000001", "00000002"]


def test_a_keep_alive_that_is_refused_is_sent_once_more_and_not_for_ever() -> None:
    def answer(method: str, request: str) -> bytes:
        if method != "GET_PARAMETER":
            return growing_old({"": "young"})(method, request)
        client._keepalive = 60.0
        wants = f'WWW-Authenticate: Digest realm="r", nonce="{len(fake.requests)}"'
        return reply(request, wants, status="401 Unauthorized") + rtp(b"picture", 1)

    with camera(answer) as fake:
        client = RtspClient(fake.url, Credentials("viewer", "secret"), timeout=0.6, stop=bool)
        client.play(client.describe())
        packets = client.packets()
        assert next(packets)
        client._keepalive = 0.0
        assert next(packets)
        with pytest.raises(SourceError, match="no data"):
            list(packets)
        client.close()
    assert [request.split()[0] for request in fake.requests].count("GET_PARAMETER") == 2


def test_credentials_have_no_password_in_their_repr() -> None:
    assert "secret" not in repr(Credentials("viewer", "secret"))


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
