"""A broker of bytes, so that a test can have one say what mosquitto never does. MQTT 5, a few packets of it."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING

from tests.support.brokers import HOST

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT = 1, 3, 8, 10, 14
CONNACK = bytes([0x20, 3, 0, 0, 0])


def publish(topic: bytes, payload: bytes) -> bytes:
    """QoS 0, without properties; 125 bytes at most."""
    body = struct.pack("!H", len(topic)) + topic + b"\0" + payload
    return bytes([0x30, len(body)]) + body


def disconnect(reason: int) -> bytes:
    """With a reason string, without which paho 2.1 passes over the reason, too."""
    return bytes([0xE0, 6, reason, 4, 0x1F, 0, 1]) + b"x"


class ByteBroker:
    """Serves one connection. said: with `connack`, in one segment. answers: whether a topic's QoS 1 message is.

    reason: in each answer. reads: whether it takes anything after CONNECT. leaves: it closes once it has said all, with
    a reset.
    """

    def __init__(
        self,
        said: bytes = b"",
        *,
        connack: bytes = CONNACK,
        context: ssl.SSLContext | None = None,
        answers: Callable[[str], bool] = lambda _topic: True,
        reason: int = 0,
        reads: bool = True,
        leaves: bool = False,
    ) -> None:
        self.published: list[tuple[str, bytes]] = []
        self.kinds: list[int] = []
        self.left = threading.Event()
        self._said, self._context, self._answers = connack + said, context, answers
        self._reason, self._reads, self._leaves = reason, reads, leaves
        self._ended = threading.Event()
        self._server = socket.create_server((HOST, 0))
        self._server.settimeout(10)
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        self._server.close()
        self._thread.join(5)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            connection = self._server.accept()[0]
            connection.settimeout(0.1)
            if self._context is not None:
                connection.settimeout(5)
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                self._serve(connection)
        self.left.set()

    def _serve(self, connection: socket.socket) -> None:
        rest = b""
        while not self._ended.is_set():
            packet, rest = _first(rest)
            if packet is not None:
                self._on(connection, packet[0] >> 4, packet[0], packet[1:])
            elif not self._reads and CONNECT in self.kinds:
                self._ended.wait(0.1)
            else:
                with contextlib.suppress(TimeoutError):
                    data = connection.recv(1 << 16)
                    if not data:
                        return
                    rest += data
            if self._leaves and CONNECT in self.kinds:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return

    def _on(self, connection: socket.socket, kind: int, header: int, body: bytes) -> None:
        self.kinds.append(kind)
        if kind == CONNECT:
            connection.sendall(self._said)
        elif kind == PUBLISH:
            length = struct.unpack("!H", body[:2])[0]
            topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
            number, rest = (rest[:2], rest[2:]) if header & 6 else (b"", rest)
            self.published.append((topic, rest[1 + rest[0] :]))
            if number and self._answers(topic):
                connection.sendall(b"\x40\x03" + number + bytes([self._reason]))
        elif kind in {SUBSCRIBE, UNSUBSCRIBE}:
            connection.sendall(bytes([0x90 if kind == SUBSCRIBE else 0xB0, 4]) + body[:2] + b"\0\0")


def _first(data: bytes) -> tuple[bytes | None, bytes]:
    """The first packet, its length left out, and what follows; None while it is not whole."""
    length, at = 0, 1
    while at < len(data):
        length |= (data[at] & 127) << 7 * (at - 1)
        at += 1
        if not data[at - 1] & 128:
            whole = len(data) >= at + length
            return (data[:1] + data[at : at + length], data[at + length :]) if whole else (None, data)
    return None, data
