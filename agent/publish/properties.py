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
    properties: Properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.MessageExpiryInterval = seconds
    if content_type is not None:
        properties.ContentType = content_type
    return properties


@lru_cache(maxsize=1)
def connecting() -> Properties:
    properties: Properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.MaximumPacketSize = LARGEST_IN
    return properties
