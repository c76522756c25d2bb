"""What comes from a broker. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Message:
    """A received message. expiry: seconds left of it, None without. at: time.monotonic() of its arrival.

    response_topic, correlation: where and by which name an answer is wanted; MQTT 5 only. dup: it may have come before.
    """

    topic: str
    payload: bytes
    qos: int
    retain: bool
    expiry: int | None
    at: float
    response_topic: str | None = None
    correlation: bytes | None = None
    dup: bool = False


class Answer(NamedTuple):
    """What became of a request: written to the socket (QoS 0), or answered by the broker (the others)."""

    mid: int
    reason: int
    name: str
