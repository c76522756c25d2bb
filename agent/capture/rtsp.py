"""A small RTSP client (RFC 2326) for one video track, interleaved in the RTSP connection itself."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent.capture.rtsp_auth import Credentials, Login
from agent.capture.rtsp_reader import Reader
from agent.capture.sdp import VideoTrack, find_video, kinds
from agent.capture.source import SourceError, Stop, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST_REASON = 80
LOGIN = re.compile(r"(Basic|Digest)\b.+", re.IGNORECASE)
MOST_HEADERS = 64
LARGEST_BODY = 64 << 10
AGENT = "vedette"
PORTS = {"rtsp": 554, "rtsps": 322}
OPENING = 2
"""Times `timeout`, that it may take to open the session as a whole: as long as FFmpeg's sources may take."""
GOODBYE = 0.2
"""Seconds a camera gets to end the session."""


def _shut(connection: socket.socket, how: int) -> None:
    # The shutdown of a TLS socket ends the encryption: what is sent afterwards, a login perhaps, would be plain.
    socket.socket.shutdown(connection, how)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    @property
    def challenges(self) -> tuple[str, ...]:
        return tuple(value for key, value in self.headers if key == "www-authenticate")


class RtspClient:
    """One session: connect, describe, play, packets, close. Everything the camera sends is bounded in size.

    url: without credentials. timeout: seconds for the connection, for each answer and for each read of a packet; all
    answers up to the first packet have `OPENING` times as much.
    stop: asked while an answer comes in, and between two packets.
    secure: makes TLS of the plain connection; needed for rtsps://.
    Raises SourceError, or UnsupportedError where FFmpeg's client may still succeed.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials | None,
        timeout: float,
        stop: Stop,
        secure: Callable[[socket.socket], socket.socket] | None = None,
    ) -> None:
        self._url = url
        self._login = Login(credentials) if credentials else None
        self._timeout = timeout
        self._stop = stop
        self._sequence = 0
        self._session = ""
        self._keepalive = 30.0
        self._channel = 0
        self._may_log_in = False
        self._base = url
        self._play_url = url
        self._options = "OPTIONS"
        self._open_until = time.monotonic() + OPENING * timeout
        try:
            plain = _connected(url, timeout)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = secure(plain) if secure else plain
        except TimeoutError as error:
            raise SourceError(f"no answer within {timeout:g} s") from error
        except (OSError, ValueError) as error:
            raise SourceError(getattr(error, "strerror", None) or str(error)) from error
        self._reader = Reader(self._socket, timeout, stop)

    def describe(self) -> VideoTrack:
        public = self._request("OPTIONS", self._url, may_fail=True).header("public")
        if "GET_PARAMETER" in public:
            self._options = "GET_PARAMETER"
        answer = self._request("DESCRIBE", self._url, "Accept: application/sdp")
        description = answer.body.decode("utf-8", "replace")
        track, offered = find_video(description), kinds(description)
        if offered and "video" not in offered:  # FFmpeg would say of it no more than the camera's refusal to play
            only = ", ".join(offered)
            raise SourceError(f"the camera offers no video there, only {only}", "check the path of the URL")
        if track is None:
            raise UnsupportedError("no H.264 or H.265 video in the camera's description")
        self._base = answer.header("content-base") or answer.header("content-location") or self._url
        if "://" in track.aggregate:  # the tracks are relative to it, as for FFmpeg
            self._base = track.aggregate
        return track

    def play(self, track: VideoTrack) -> None:
        transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
        answer = self._request("SETUP", self._resolve(track.control), transport)
        if "RTP/AVP/TCP" not in answer.header("transport").upper():
            raise UnsupportedError("the camera does not interleave")
        channel = re.search(r"interleaved\s*=\s*(\d{1,3})", answer.header("transport"))
        self._channel = int(channel[1]) if channel else 0
        self._session, _, parameters = answer.header("session").partition(";")
        seconds = re.search(r"timeout\s*=\s*(\d{1,5})", parameters)
        self._keepalive = max(1.0, min(60, int(seconds[1]) if seconds else 60) / 2)
        self._play_url = self._resolve(track.aggregate)
        self._request("PLAY", self._play_url, "Range: npt=0.000-")

    def packets(self) -> Iterator[bytes]:
        """RTP packets of the track until asked to stop. Raises SourceError when none came for `timeout` seconds."""
        last = asked = time.monotonic()
        while not self._stop():
            packet = self._interleaved()
            now = time.monotonic()
            if packet is not None:
                last = now
                yield packet
            elif now - last > self._timeout:
                raise SourceError(f"no video for {self._timeout:g} s")
            if now - asked > self._keepalive:
                asked = now
                self._may_log_in = True
                self._send(self._options, self._play_url)

    @property
    def more(self) -> bool:
        """Whether there is more to read already, beyond what was read ahead."""
        with contextlib.suppress(OSError):
            return self._reader.more
        return False

    def interrupt(self) -> None:
        with contextlib.suppress(OSError):
            _shut(self._socket, socket.SHUT_RD)

    def close(self) -> None:
        """Says goodbye and reads what is still under way: unread data would reset the connection before it is heard."""
        with contextlib.suppress(OSError, SourceError):
            if self._session:
                self._send("TEARDOWN", self._play_url)
                _shut(self._socket, socket.SHUT_WR)
                self._socket.settimeout(GOODBYE)
                deadline = time.monotonic() + GOODBYE
                while self._socket.recv(1 << 16) and time.monotonic() < deadline:
                    pass
        self._session = ""
        with contextlib.suppress(OSError):
            self._reader.close()
        self._socket.close()

    def _resolve(self, control: str) -> str:
        if not control or control == "*":
            return self._base
        if "://" in control:
            return control
        return f"{self._base.rstrip('/')}/{control.lstrip('/')}"

    def _send(self, method: str, url: str, *headers: str) -> None:
        self._sequence += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._sequence}", f"User-Agent: {AGENT}", *headers]
        if self._session:
            lines.append(f"Session: {self._session}")
        if self._login is not None and (answer := self._login.answer(method, url)):
            lines.append(f"Authorization: {answer}")
        try:
            self._socket.sendall("\r\n".join([*lines, "", ""]).encode("utf-8"))
        except OSError as error:
            raise SourceError("the camera closed the connection") from error

    def _request(self, method: str, url: str, *headers: str, may_fail: bool = False) -> Response:
        """may_fail: whatever it answers but a redirection or a wanted login will do."""
        with self._reader.within(self._open_until):
            for attempt in range(2):
                self._send(method, url, *headers)
                answer = self._answer()
                if answer.status != 401 or attempt == 1 or self._login is None:
                    break
                self._login.heed(answer.challenges)
        if may_fail and answer.status != 401 and not 300 <= answer.status < 400:
            return answer
        if answer.status in {401, 403}:
            hint = "check username and password" if self._login else "set username and password"
            raise SourceError(f"the camera refuses the login ({answer.status} {answer.reason})", hint)
        if answer.status == 404:
            raise SourceError("the camera has no such stream (404)", "check the path of the URL")
        if answer.status in {461, 501, 551} or 300 <= answer.status < 400:
            raise UnsupportedError(f"{method}: {answer.status} {answer.reason}")
        if answer.status != 200:
            raise SourceError(f"the camera answers {answer.status} {answer.reason} to {method}")
        return answer

    def _answer(self) -> Response:
        while True:
            first = self._reader.body(1)
            if first == b"$":
                self._reader.body(int.from_bytes(self._reader.body(3)[1:], "big"))
                continue
            response = self._message(first)
            if response is not None:
                return response

    def _interleaved(self) -> bytes | None:
        """The next packet of the video channel, None for anything else that came instead."""
        first = self._reader.packet(1)
        if first != b"$":
            with self._reader.within():
                response = self._message(first)
            if response is not None and response.status == 401:
                self._log_in_again(response)
            return None
        head = self._reader.packet(3)
        packet = self._reader.packet(int.from_bytes(head[1:], "big"))
        return packet if head[0] == self._channel else None

    def _log_in_again(self, refusal: Response) -> None:
        """Once per keep-alive: a camera's nonce grows old, and a session that nothing keeps alive is ended."""
        if self._login is None or not self._may_log_in:
            return
        self._may_log_in = False
        with contextlib.suppress(UnsupportedError):  # what it wants is found out when it is opened anew
            self._login.heed(refusal.challenges)
            self._send(self._options, self._play_url)

    def _message(self, first: bytes) -> Response | None:
        """A response, None for a request of the camera's own (it may ignore that we do not answer)."""
        start = first if first == b"\n" else first + self._reader.line()
        if not start.strip():  # an empty line between two messages is nothing, and a packet may follow
            return None
        words = start.decode("utf-8", "replace").split(None, 2)
        headers, length = self._headers()
        if length > LARGEST_BODY:
            raise SourceError(f"the camera's answer is longer than {LARGEST_BODY} bytes")
        body = self._reader.body(length)
        if len(words) < 2 or not words[0].startswith("RTSP/"):
            return None
        status = re.match(r"\d{3}(?!\d)", words[1], re.ASCII)
        reason = _shown(words[2]) if len(words) > 2 else ""
        return Response(int(status[0]) if status else 0, reason, tuple(headers), body)

    def _headers(self) -> tuple[list[tuple[str, str]], int]:
        """With the length of the body. A packet ends them too: some cameras forget the empty line."""
        headers: list[tuple[str, str]] = []
        while not self._reader.at(b"$"):
            line = self._reader.line().strip()
            if not line:
                return headers, _length(headers)
            key, _, value = line.decode("utf-8", "replace").partition(":")
            headers.append((key.strip().lower(), value.strip()))
            if len(headers) > MOST_HEADERS:
                raise SourceError(f"the camera sends more than {MOST_HEADERS} header lines")
        return headers, 0


def _connected(url: str, timeout: float) -> socket.socket:
    """Raises TimeoutError, and SourceError with the place that cannot be reached."""
    target = urlsplit(url)
    host, port = target.hostname or "", target.port or PORTS[target.scheme]
    try:
        return socket.create_connection((host, port), timeout)
    except TimeoutError:
        raise
    except OSError as error:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise SourceError(f"cannot reach {place}: {error.strerror or error}") from error


def _length(headers: list[tuple[str, str]]) -> int:
    """Cameras leave it empty, or name a unit."""
    text = next((value for key, value in headers if key == "content-length"), "")
    digits = re.match(r"0*([1-9][0-9]{0,8})", text)
    return int(digits[1]) if digits else 0


def _shown(reason: str) -> str:
    """Fit for an error's text: a camera may echo what it refuses, our login included."""
    printable = "".join(letter if letter.isprintable() else " " for letter in reason)
    return LOGIN.sub(r"\1 ***", printable).strip()[:LONGEST_REASON]
