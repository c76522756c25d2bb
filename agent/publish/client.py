"""paho's client, with fewer calls of the system for what comes and goes, and an ear for the broker's last words."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from paho.mqtt import client as paho
from paho.mqtt.enums import MessageType, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from agent.publish.properties import with_lesser_size

if TYPE_CHECKING:
    from collections.abc import Iterator

AHEAD_BYTES = 16 << 10
AT_ONCE_BYTES = 64 << 10
UNACKED_MS = 8000
_MID, _REASON = slice(2), 2
"""Where a PUBACK has them."""
_KIND = 0xF0
_LAST = MessageType.DISCONNECT
"""The bits of a packet's first byte that say what it is, and those of one that ends the connection."""
_UNKNOWN = (KeyError, ValueError, AssertionError)
"""What paho raises of a reason that a packet cannot have, version by version."""


class Unlisted(ReasonCode):
    """A reason in a PUBACK that MQTT 5 has not for one."""

    def __init__(self, value: int) -> None:
        super().__init__(PacketTypes.PUBACK)
        self.value = value

    def getName(self) -> str:  # noqa: N802 - paho's
        return word(self.value)


class Client(paho.Client):
    """paho reads a packet in three calls, writes each in one, and makes two objects of every answer, for 30 us.

    Here one call takes what there is, one gives what waits, and a reason is made once. Nothing else depends on it: with
    a paho that does so by other methods, its own way is taken.
    """

    _ahead = b""
    _at = 0

    @property
    def ahead(self) -> bool:
        """Whether something was read and not yet looked at, of which the socket says nothing any more."""
        return self._at < len(self._ahead)

    def _sock_recv(self, bufsize: int) -> bytes:
        if not self.ahead:
            self._ahead, self._at = super()._sock_recv(max(bufsize, AHEAD_BYTES)), 0
        start, self._at = self._at, self._at + bufsize
        return self._ahead[start : self._at]

    def _handle_connack(self) -> MQTTErrorCode:
        if self._protocol == MQTTProtocolVersion.MQTTv5:
            self._in_packet["packet"] = bytearray(with_lesser_size(bytes(self._in_packet["packet"])))
        return super()._handle_connack()

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        """Paho takes a PUBACK with a reason that MQTT 5 has not for it as malformed, and ends the connection.

        mosquitto sends 0x95 (packet too large) for what is above its `message_size_limit`.
        """
        packet = self._in_packet["packet"]
        size, modern = len(packet), self._protocol == MQTTProtocolVersion.MQTTv5
        if cmd != "PUBACK" or not (size >= _REASON if modern else size == _REASON):
            return super()._handle_pubackcomp(cmd)
        mid = int.from_bytes(packet[_MID], "big")
        with self._out_message_mutex:
            if mid not in self._out_messages:
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            return self._do_on_publish(mid, _puback(packet[_REASON] if size > _REASON else 0), _NOTHING)

    def _packet_write(self) -> MQTTErrorCode:
        while batch := self._batch():
            try:
                written = self._sock_send(b"".join([packet["packet"][packet["pos"] :] for packet in batch]))
            except OSError as error:
                self._out_packet.extendleft(reversed(batch))
                if isinstance(error, BlockingIOError):
                    return MQTTErrorCode.MQTT_ERR_AGAIN
                return MQTTErrorCode.MQTT_ERR_CONN_LOST
            for at, packet in enumerate(batch):
                some = min(written, packet["to_process"])
                written -= some
                packet["to_process"] -= some
                packet["pos"] += some
                if packet["to_process"]:
                    self._out_packet.extendleft(reversed(batch[at:]))
                    break
                if packet["command"] & _KIND == MessageType.PUBLISH and not packet["qos"] and self.on_publish:
                    self.on_publish(self, self._userdata, packet["mid"], _puback(0), _NOTHING)  # type: ignore[call-arg]
        return super()._packet_write()

    def _batch(self) -> list[Any]:
        """Takes what may be written in one call from the queue; DISCONNECT is left to paho, for what follows it.

        OpenSSL wants what it could not write once more, and it may only be longer: a batch begins with the same.
        """
        batch: list[Any] = []
        size = 0
        while size < AT_ONCE_BYTES and self._out_packet and self._out_packet[0]["command"] & _KIND != _LAST:
            batch.append(self._out_packet.popleft())
            size += batch[-1]["to_process"]
        return batch

    def _sock_send(self, buf: bytes | bytearray) -> int:
        """A broker that has closed may have said why: whoever reads hears that, and then the end."""
        try:
            return super()._sock_send(buf)
        except ConnectionError:
            raise BlockingIOError from None


def word(reason: int) -> str:
    """MQTT 5's name for it in any packet, or its number."""
    try:
        return ReasonCode(PacketTypes.DISCONNECT, identifier=reason).getName()
    except _UNKNOWN:
        return f"reason 0x{reason:02X}"


@lru_cache(256)
def _puback(reason: int) -> ReasonCode:
    try:
        return ReasonCode(PacketTypes.PUBACK, identifier=reason)
    except _UNKNOWN:
        return Unlisted(reason)


_NOTHING = Properties(PacketTypes.PUBACK)  # type: ignore[no-untyped-call]


def tune(_client: paho.Client, _userdata: Any, sock: Any) -> None:
    """No Nagle (with delayed acks it costs 40 ms); data not acknowledged for 8 s end a dead connection."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKED_MS)


@contextlib.contextmanager
def kept_open(sock: Any) -> Iterator[socket.socket]:
    """The connection of paho's socket, which stays when paho has closed that; of none when it has already."""
    file = sock.fileno() if isinstance(sock, socket.socket) else -1
    with socket.socket(fileno=os.dup(file)) if file >= 0 else socket.socket() as connection:
        yield connection


def read_out(connection: socket.socket, deadline: float) -> None:
    """Until the other side has ended the connection, too. deadline: time.monotonic()."""
    with contextlib.suppress(OSError):  # as it may by a reset
        connection.shutdown(socket.SHUT_WR)
        while (left := deadline - time.monotonic()) > 0:
            connection.settimeout(left)
            if not connection.recv(AHEAD_BYTES):
                return
