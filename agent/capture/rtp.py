"""RTP payloads to access units: H.264 (RFC 6184) and H.265 (RFC 7798), single NAL units, aggregates and fragments.

An access unit ends at the RTP marker bit (RFC 6184, 5.1), so a picture is out as soon as its last byte is here. A
general parser has to wait for the next picture's first byte: one frame interval later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Codec = Literal["h264", "hevc"]
CLOCK = 90000
"""RTP ticks a second of both codecs."""
LARGEST_UNIT = 16 << 20
"""Bytes of one access unit; an intra picture of an 8K camera stays far below."""
START_CODE = b"\0\0\0\1"


class MalformedError(ValueError):
    """Not an RTP packet, or not one of the payload this stream declared."""


class Packet(NamedTuple):
    payload_type: int
    sequence: int
    timestamp: int
    marker: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture as an Annex B byte stream. timestamp: RTP ticks, without wraps, from 0 at the first packet.

    damaged: a packet of it is missing or broken.
    """

    data: bytes
    timestamp: int
    damaged: bool


def parse(data: bytes) -> Packet:
    """RFC 3550, 5.1. Raises MalformedError."""
    if len(data) < 12 or data[0] >> 6 != 2:
        raise MalformedError("no RTP version 2 header")
    start = 12 + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        if len(data) < start + 4:
            raise MalformedError("the header extension is cut off")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - (data[-1] if data[0] & 0x20 else 0)
    if start >= end:
        raise MalformedError("no payload")
    return Packet(
        payload_type=data[1] & 0x7F,
        sequence=int.from_bytes(data[2:4], "big"),
        timestamp=int.from_bytes(data[4:8], "big"),
        marker=bool(data[1] & 0x80),
        payload=data[start:end],
    )


class Depacketizer:
    """Collects the access units of one stream. Memory is bounded by LARGEST_UNIT.

    Cameras disagree on the marker bit. Set on parameter sets alone: the unit goes on until it has a slice. Never set:
    a new timestamp ends the unit. Set on each slice: seen by a slice that continues the last unit, and from then on
    only a new timestamp counts.
    """

    def __init__(self, codec: Codec) -> None:
        self._hevc = codec == "hevc"
        self._unit = bytearray()
        self._fragment = False
        self._has_slice = False
        self._damaged = False
        self._trust_marker = True
        self._sequence: int | None = None
        self._raw_timestamp: int | None = None
        self._ticks = 0
        self._emitted: int | None = None

    def push(self, packet: Packet) -> Iterator[AccessUnit]:
        """The access units complete with this packet: none, one, or two where the last one had no marker."""
        in_order = self._sequence is None or packet.sequence == (self._sequence + 1) & 0xFFFF
        self._sequence = packet.sequence
        if packet.timestamp != self._raw_timestamp:
            if self._has_slice:
                self._damaged |= not in_order or self._fragment
                yield self._emit()
            self._advance(packet.timestamp)
        if not in_order:
            self._damaged, self._fragment = True, False
        try:
            self._append(packet.payload)
        except MalformedError:
            self._damaged, self._fragment = True, False
        if packet.marker and self._trust_marker and self._has_slice:
            self._damaged |= self._fragment
            yield self._emit()

    def _advance(self, timestamp: int) -> None:
        if self._raw_timestamp is not None:
            step = (timestamp - self._raw_timestamp) & 0xFFFFFFFF
            self._ticks += step - (1 << 32) if step >> 31 else step
        self._raw_timestamp = timestamp

    def _emit(self) -> AccessUnit:
        unit = AccessUnit(bytes(self._unit), self._ticks, self._damaged)
        self._unit.clear()
        self._fragment = self._has_slice = self._damaged = False
        self._emitted = self._ticks
        return unit

    def _append(self, payload: bytes) -> None:
        if self._hevc:
            self._append_hevc(payload)
        else:
            self._append_h264(payload)

    def _append_h264(self, payload: bytes) -> None:
        kind = payload[0] & 0x1F
        if 1 <= kind <= 23:
            self._nal(payload)
        elif kind == 24:
            self._aggregate(payload, 1)
        elif kind == 28 and len(payload) > 2:
            header = bytes([payload[0] & 0xE0 | payload[1] & 0x1F])
            self._fragment_of(header, payload[1], payload[2:])
        else:
            raise MalformedError(f"H.264 payload type {kind}")

    def _append_hevc(self, payload: bytes) -> None:
        if len(payload) < 2:  # the end of a sequence is a header alone
            raise MalformedError("an H.265 payload of less than 2 bytes")
        kind = payload[0] >> 1 & 0x3F
        if kind < 48:
            self._nal(payload)
        elif kind == 48:
            self._aggregate(payload, 2)
        elif kind == 49 and len(payload) > 3:
            header = bytes([payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1]])
            self._fragment_of(header, payload[2], payload[3:])
        else:
            raise MalformedError(f"H.265 payload type {kind}")

    def _aggregate(self, payload: bytes, at: int) -> None:
        while at < len(payload):
            size = int.from_bytes(payload[at : at + 2], "big")
            at += 2
            if not 0 < size <= len(payload) - at:
                raise MalformedError("an aggregate names more bytes than it has")
            self._nal(payload[at : at + size])
            at += size

    def _fragment_of(self, header: bytes, flags: int, payload: bytes) -> None:
        if flags & 0x80:
            self._nal(header + payload)
            self._fragment = True
        elif self._fragment:
            self._grow(payload)
        else:
            raise MalformedError("a fragment without its beginning")
        if flags & 0x40:
            self._fragment = False

    def _nal(self, nal: bytes) -> None:
        if self._fragment:
            self._damaged, self._fragment = True, False
        header, slices = (2, nal[0] >> 1 & 0x3F < 32) if self._hevc else (1, 1 <= nal[0] & 0x1F <= 5)
        if slices:
            # first_mb_in_slice = 0, first_slice_segment_in_pic_flag = 1: both are a first bit of 1
            first = len(nal) > header and bool(nal[header] & 0x80)
            if not first and not self._has_slice and self._emitted == self._ticks:
                self._trust_marker = False
                self._damaged = True
            self._has_slice = True
        self._grow(START_CODE + nal)

    def _grow(self, data: bytes) -> None:
        if len(self._unit) + len(data) > LARGEST_UNIT:
            self._unit.clear()
            raise MalformedError(f"an access unit of more than {LARGEST_UNIT} bytes")
        self._unit += data
