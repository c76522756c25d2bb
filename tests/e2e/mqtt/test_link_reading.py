"""What comes together is heard together: a broker of bytes that says several things in one segment or TLS record."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest

from agent.config.model import TlsConfig
from agent.publish.endpoint import Endpoint
from agent.publish.link import MQTT5, Link
from tests.support.brokers import HOST, make_certificates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.publish.message import Message

CONNACK = bytes([0x20, 3, 0, 0, 0])


def published(payload: bytes) -> bytes:
    """PUBLISH, QoS 0, topic `t`, no properties (MQTT 5, 3.3)."""
    return bytes([0x30, 4 + len(payload), 0, 1]) + b"t\0" + payload


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server((HOST, 0)) as server:
        server.settimeout(10)
        yield server


def answer(server: socket.socket, context: ssl.SSLContext | None, said: bytes, ended: threading.Event) -> None:
    """Takes one connection and its CONNECT, says all at once, and is silent from then on."""
    connection = server.accept()[0]
    if context is not None:
        connection = context.wrap_socket(connection, server_side=True)
    with connection:
        connection.recv(1000)
        connection.sendall(said)
        ended.wait(10)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
def test_all_of_one_segment_is_heard_though_nothing_follows(
    listening: socket.socket, tmp_path: Path, encrypted: bool
) -> None:
    context = tls = None
    if encrypted:
        make_certificates(tmp_path, HOST)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
        tls = TlsConfig(ca=str(tmp_path / "ca.pem"))
    wanted = [b"one", b"two", b"x" * 100, b"four"]
    ended = threading.Event()
    said = CONNACK + b"".join(published(payload) for payload in wanted)
    broker = threading.Thread(target=answer, args=(listening, context, said, ended))
    broker.start()
    heard: list[Message] = []
    link = Link(Endpoint(HOST, listening.getsockname()[1], tls=tls), "reader", MQTT5, on_message=heard.append)
    link.open(lambda: False)
    deadline = time.monotonic() + 5
    while len(heard) < len(wanted) and time.monotonic() < deadline:
        assert link.loop(0.5)
    began = time.monotonic()
    assert link.loop(0.2)
    assert time.monotonic() - began > 0.1, "it waits again once all is read"
    ended.set()
    broker.join(5)
    link.abort()
    assert [message.payload for message in heard] == wanted
