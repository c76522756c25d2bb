"""A camera that answers RTSP as a test wants it, and a client that plays it."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent.capture.rtsp import RtspClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.capture.rtsp_auth import Credentials

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


def rtp(payload: bytes, sequence: int) -> bytes:
    packet = b"\x80\xe0" + sequence.to_bytes(2, "big") + bytes(8) + payload
    return b"$\x04" + len(packet).to_bytes(2, "big") + packet
