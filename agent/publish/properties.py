"""The properties of MQTT 5 packets."""

from __future__ import annotations

from functools import lru_cache

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

LARGEST_IN = 512 << 10
"""Bytes of a packet we take: a broker of MQTT 5 drops what is larger instead of sending it."""


def publishing(
    expiry: float | None, correlation: bytes | None, response_topic: str | None, content_type: str | None = None
) -> Properties | None:
    """expiry: seconds, rounded up to whole ones. correlation: of a request, and of its answer, which have no type."""
    seconds = None if expiry is None else max(1, -int(-expiry // 1))
    if correlation is None and response_topic is None:
        return None if seconds is None else _expiring(seconds, content_type)
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if seconds is not None:
        properties.MessageExpiryInterval = seconds
    if correlation is not None:
        properties.CorrelationData = correlation
    if response_topic is not None:
        properties.ResponseTopic = response_topic
    return properties


@lru_cache(maxsize=64)
def _expiring(seconds: int, content_type: str | None) -> Properties:
    properties = _Packed(PacketTypes.PUBLISH)
    properties.MessageExpiryInterval = seconds
    if content_type is not None:
        properties.ContentType = content_type
    return properties


class _Packed(Properties):
    """Not to be changed once it was packed: paho would go through all of MQTT's properties again, for 10 us."""

    _bytes: bytes

    def __init__(self, packet: int) -> None:
        super().__init__(packet)  # type: ignore[no-untyped-call]
        object.__setattr__(self, "_bytes", b"")  # paho's own takes no names but those of properties

    def pack(self) -> bytes:
        if not self._bytes:
            object.__setattr__(self, "_bytes", super().pack())  # type: ignore[no-untyped-call]
        return self._bytes


@lru_cache(maxsize=1)
def connecting() -> Properties:
    properties: Properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = LARGEST_IN
    return properties


_MAXIMUM_PACKET_SIZE, _USER_PROPERTY = 0x27, 0x26
_SIZES = {0x11: 4, 0x13: 2, 0x21: 2, 0x22: 2, 0x24: 1, 0x25: 1, _MAXIMUM_PACKET_SIZE: 4, 0x28: 1, 0x29: 1, 0x2A: 1}
_TEXTS = frozenset({0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F, _USER_PROPERTY})
"""What a CONNACK may have: bytes of a number, or a length of two bytes and as many (MQTT 5, 2.2.2.2 and 3.2.2.3)."""
_MOST = 268_435_455


def with_lesser_size(connack: bytes) -> bytes:
    """The body of a CONNACK of MQTT 5, its Maximum Packet Size what paho takes at most, if it was more.

    Any number is allowed, and NanoMQ named one above that until 2025; paho then ends the connection.
    """
    at = 3
    while at <= len(connack) and connack[at - 1] & 0x80:  # the length of the properties: 7 bits in each byte
        at += 1
    while at < len(connack):
        kind, at = connack[at], at + 1
        if kind == _MAXIMUM_PACKET_SIZE and at + 4 <= len(connack):
            size = min(int.from_bytes(connack[at : at + 4], "big"), _MOST)
            return connack[:at] + size.to_bytes(4, "big") + connack[at + 4 :]
        for _ in range(2 if kind == _USER_PROPERTY else 1):
            at += 2 + int.from_bytes(connack[at : at + 2], "big") if kind in _TEXTS else _SIZES.get(kind, len(connack))
    return connack
