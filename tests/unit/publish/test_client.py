"""The same bytes by fewer calls, both ways; that a real broker's answers arrive, the e2e tests show."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from agent.publish.client import AHEAD_BYTES, Client

if TYPE_CHECKING:
    from collections.abc import Iterator

Ends = tuple[Client, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    client = Client(CallbackAPIVersion.VERSION2)
    client._sock = ours
    yield client, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    ("caller", "method"),
    [
        ("_packet_read", "_sock_recv"),
        ("loop_write", "_packet_write"),
        ("_packet_write", "_sock_send"),
        ("_packet_handle", "_handle_pubackcomp"),
        ("_packet_handle", "_handle_connack"),
        ("_handle_pubackcomp", "_do_on_publish"),
    ],
)
def test_paho_works_by_the_methods_that_are_overridden_or_called(caller: str, method: str) -> None:
    assert method in vars(paho.Client)
    assert method in getattr(paho.Client, caller).__code__.co_names


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
        client = Client(CallbackAPIVersion.VERSION2)
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


@given(
    st.lists(st.tuples(st.integers(0, 40_000), st.integers(0, 1)), min_size=1, max_size=30),
    st.lists(st.integers(0, 100_000), max_size=20),
)
def test_what_is_queued_arrives_whole_and_in_order_however_little_the_socket_takes(
    messages: list[tuple[int, int]], room: list[int]
) -> None:
    told: list[int] = []
    client, wire = Client(CallbackAPIVersion.VERSION2), bytearray()
    client.on_socket_register_write = lambda *_: None
    client.on_publish = lambda _c, _u, mid, *_: told.append(mid)
    client._sock_send = lambda buf: _some(buf, wire, room.pop() if room else 1 << 20)  # type: ignore[method-assign]
    with socket.socket() as sock:
        client._sock = sock
        mids = [(client.publish("a", bytes(size), qos).mid, qos) for size, qos in messages]
        expected = b"".join(bytes(packet["packet"]) for packet in client._out_packet)
        while client.want_write():
            assert not client.loop_write()
        client._sock = None
    assert wire == expected
    assert told == [mid for mid, qos in mids if not qos]


def _some(buf: bytes, wire: bytearray, most: int) -> int:
    if not most:
        raise BlockingIOError
    wire += buf[:most]
    return min(most, len(buf))


def test_what_a_socket_did_not_take_is_offered_again_and_no_less(ends: Ends) -> None:
    """OpenSSL's condition for trying again."""
    client, _ = ends
    client.on_socket_register_write = lambda *_: None
    offered: list[bytes] = []

    def refuse(buf: bytes | bytearray) -> int:
        offered.append(bytes(buf))
        raise BlockingIOError

    client._sock_send = refuse  # type: ignore[method-assign]
    for _ in range(3):
        client.publish("a", bytes(30_000))
        assert not client.loop_write()
    assert len(offered) == 3
    assert offered[1].startswith(offered[0])
    assert offered[2].startswith(offered[1])


@pytest.mark.parametrize(
    ("version", "body", "value", "name"),
    [
        (MQTTProtocolVersion.MQTTv311, b"\0\1", 0, "Success"),
        (MQTTProtocolVersion.MQTTv5, b"\0\1", 0, "Success"),
        (MQTTProtocolVersion.MQTTv5, b"\0\1\x10", 0x10, "No matching subscribers"),
        (MQTTProtocolVersion.MQTTv5, b"\0\1\x97\0", 0x97, "Quota exceeded"),
        (MQTTProtocolVersion.MQTTv5, b"\0\1\x95", 0x95, "Packet too large"),
        (MQTTProtocolVersion.MQTTv5, b"\0\1\xfe", 0xFE, "reason 0xFE"),
    ],
)
def test_an_answer_is_told_once_with_its_reason(
    version: MQTTProtocolVersion, body: bytes, value: int, name: str
) -> None:
    told: list[tuple[int, int, str]] = []
    client = Client(CallbackAPIVersion.VERSION2, protocol=version)
    client.on_publish = lambda _c, _u, mid, reason, _p: told.append((mid, reason.value, reason.getName()))
    client.on_socket_register_write = lambda *_: None
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        client._sock = ours
        assert client.publish("a", b"", 1).mid == 1
        theirs.sendall(2 * (bytes((0x40, len(body))) + body))
        assert client._packet_read() == client._packet_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
        client._sock = None
    assert told == [(1, value, name)]


@pytest.mark.parametrize(
    ("version", "body"), [(MQTTProtocolVersion.MQTTv311, b"\0\1\0"), (MQTTProtocolVersion.MQTTv5, b"\1")]
)
def test_an_answer_of_another_size_ends_the_connection(version: MQTTProtocolVersion, body: bytes) -> None:
    client = Client(CallbackAPIVersion.VERSION2, protocol=version)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        client._sock = ours
        theirs.sendall(bytes((0x40, len(body))) + body)
        assert client._packet_read() == MQTTErrorCode.MQTT_ERR_PROTOCOL
        client._sock = None
