"""Reading ahead gives paho the same bytes by fewer calls; that a real broker's answers arrive, the e2e tests show."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from agent.publish.client import AHEAD_BYTES, ReadingAhead, cork

if TYPE_CHECKING:
    from collections.abc import Iterator

Ends = tuple[ReadingAhead, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    client = ReadingAhead(CallbackAPIVersion.VERSION2)
    client._sock = ours
    yield client, theirs
    ours.close()
    theirs.close()


def test_paho_reads_by_the_method_that_is_overridden() -> None:
    assert "_sock_recv" in vars(Client)
    assert "_sock_recv" in Client._packet_read.__code__.co_names


def test_one_call_takes_all_there_is(ends: Ends) -> None:
    client, broker = ends
    broker.sendall(b"abcdef")
    assert [client._sock_recv(n) for n in (1, 1, 2)] == [b"a", b"b", b"cd"]
    assert client.ahead
    assert isinstance(client._sock, socket.socket)
    assert not select.select([client._sock], [], [], 0)[0]
    assert client._sock_recv(9) == b"ef"
    assert not client.ahead
    with pytest.raises(BlockingIOError):
        client._sock_recv(1)


def test_an_end_comes_after_what_was_sent_before_it(ends: Ends) -> None:
    client, broker = ends
    broker.sendall(b"ab")
    broker.close()
    assert [client._sock_recv(1) for _ in range(4)] == [b"a", b"b", b"", b""]


@given(st.lists(st.integers(1, 2 * AHEAD_BYTES), min_size=1, max_size=8))
def test_no_byte_is_lost_or_comes_twice(sizes: list[int]) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        client = ReadingAhead(CallbackAPIVersion.VERSION2)
        client._sock = ours
        sent = bytes(n % 251 for n in range(sum(sizes) // 4))
        theirs.sendall(sent)
        theirs.close()
        read = bytearray()
        for size in sizes * 20:
            data = client._sock_recv(size)
            assert len(data) <= size
            read += data
        assert read == sent
        client._sock = None


def test_a_closed_socket_is_corked_without_a_word() -> None:
    sock = socket.socket()
    cork(sock, shut=True)
    cork(sock, shut=False)
    sock.close()
    cork(sock, shut=True)
