"""paho's client, with fewer calls of the system for what comes and goes, and an ear for the broker's last words."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from agent.publish.properties import with_lesser_size

if TYPE_CHECKING:
    from collections.abc import Iterator

AHEAD_BYTES = 16 << 10
UNACKED_MS = 8000
UNSPECIFIED = 0x80
_REASON = 2
"""Where a PUBACK has it."""
_UNKNOWN = (KeyError, ValueError, AssertionError)
"""What paho raises of a reason that a packet cannot have, version by version."""


class ReadingAhead(Client):
    """paho asks the socket for one byte of a packet, for its length, and for the rest: three calls for each PUBACK.

    Here one call takes what there is. Nothing else depends on it: with a paho that reads by another method, `ahead`
    stays false.
    """

    unlisted: int | None = None
    """The reason in the PUBACK that is being told, where MQTT 5 has it not for a PUBACK."""
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
        packet = bytearray(self._in_packet["packet"])
        if self._protocol == MQTTProtocolVersion.MQTTv5 and len(packet) > _REASON and not _listed(packet[_REASON]):
            self.unlisted = packet[_REASON]
            packet[_REASON] &= UNSPECIFIED
            self._in_packet["packet"] = packet
        try:
            return super()._handle_pubackcomp(cmd)
        finally:
            self.unlisted = None

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
def _listed(reason: int) -> bool:
    try:
        ReasonCode(PacketTypes.PUBACK, identifier=reason)
    except _UNKNOWN:
        return False
    return True


def tune(_client: Client, _userdata: Any, sock: Any) -> None:
    """No Nagle (with delayed acks it costs 40 ms); data not acknowledged for 8 s end a dead connection."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKED_MS)


def cork(sock: socket.socket, *, shut: bool) -> None:
    """While it is shut the kernel gathers what is written: one segment for many messages, not one for each."""
    if hasattr(socket, "TCP_CORK"):
        with contextlib.suppress(OSError):  # closed meanwhile
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, shut)


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
