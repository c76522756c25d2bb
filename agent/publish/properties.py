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
