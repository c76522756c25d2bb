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
SHORT_CODE = START_CODE[1:]
LONGEST_START = len(START_CODE) + 3
"""Bytes that tell what a NAL unit is: its start code, its header and the byte behind."""


class MalformedError(ValueError):
    """Not an RTP packet, or not one of the payload this stream declared."""


class Packet(NamedTuple):
    """source: the SSRC, whose numbering of packets and timestamps this is. The payload may be empty."""

    source: int
    payload_type: int
    sequence: int
    timestamp: int
    marker: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture as an Annex B byte stream. timestamp: RTP ticks, without wraps, from 0 at the first packet.

    damaged: a packet of it is missing or broken. key: it can be decoded without those before.
    """

    data: bytes
    timestamp: int
    damaged: bool
    key: bool


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
    if start > end:
        raise MalformedError("the header or the padding is longer than the packet")
    return Packet(
        source=int.from_bytes(data[8:12], "big"),
        payload_type=data[1] & 0x7F,
        sequence=int.from_bytes(data[2:4], "big"),
        timestamp=int.from_bytes(data[4:8], "big"),
        marker=bool(data[1] & 0x80),
        payload=data[start:end],
    )


class Depacketizer:
    """Collects the access units of one stream. Memory is bounded by LARGEST_UNIT.

    payload_type: packets of another type, and those without a payload, only count in the numbering.

    Cameras disagree on the marker bit. Set on parameter sets alone: the unit goes on until it has a slice. Never set:
    a new timestamp ends the unit. Set on each packet: no unit ends within a fragment. Set on each slice: seen by a
    slice that continues the last unit, and from then on only a new timestamp counts.

    Some never set the end bit of a fragment: what is missing is told by the numbers of the packets alone.
    """

    def __init__(self, codec: Codec, payload_type: int) -> None:
        self._hevc = codec == "hevc"
        self._payload_type = payload_type
        self._unit = bytearray()
        self._fragment = False
        self._has_slice = self._key = False
        self._damaged = False
        self._lost = False
        self._trust_marker = True
        self._source: int | None = None
        self._sequence: int | None = None
        self._raw_timestamp: int | None = None
        self._ticks = 0
        self._emitted: int | None = None

    def push(self, packet: Packet) -> Iterator[AccessUnit]:
        """The access units complete with this packet: none, one, or two where the last one had no marker."""
        counts_only = packet.payload_type != self._payload_type or not packet.payload
        if packet.source != self._source:
            if counts_only:
                return
            if self._has_slice:
                self._damaged |= self._lost or self._fragment
                yield self._emit()
            self._start(packet.source)
        self._lost |= self._sequence is not None and packet.sequence != (self._sequence + 1) & 0xFFFF
        self._sequence = packet.sequence
        if not counts_only:
            yield from self._take(packet)

    def _start(self, source: int) -> None:
        """A camera that restarts its encoder numbers anew: nothing is lost, and its clock tells nothing of the step."""
        self._unit.clear()
        self._fragment = self._has_slice = self._damaged = self._lost = False
        self._source = source
        self._sequence = self._raw_timestamp = self._emitted = None

    def _take(self, packet: Packet) -> Iterator[AccessUnit]:
        if packet.timestamp != self._raw_timestamp:
            if self._has_slice:
                self._damaged |= self._lost
                yield self._emit()
            self._advance(packet.timestamp)
        if self._lost:
            self._damaged, self._fragment, self._lost = True, False, False
        try:
            self._append(packet.payload)
        except MalformedError:
            self._damaged, self._fragment = True, False
        if packet.marker and self._trust_marker and self._has_slice and not self._fragment:
            yield self._emit()

    def _advance(self, timestamp: int) -> None:
        if self._raw_timestamp is not None:
            step = (timestamp - self._raw_timestamp) & 0xFFFFFFFF
            self._ticks += step - (1 << 32) if step >> 31 else step
        self._raw_timestamp = timestamp

    def _emit(self) -> AccessUnit:
        unit = AccessUnit(bytes(self._unit), self._ticks, self._damaged, self._key)
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
        """The types 0, 30 and 31 are to be ignored (RFC 6184, 5.2), those that are left have pictures in them."""
        kind = payload[0] & 0x1F
        if 1 <= kind <= 23 or _starts(payload):
            self._nal(payload)
        elif kind == 24:
            self._aggregate(payload, 1)
        elif kind == 28 and len(payload) > 1:
            header = bytes([payload[0] & 0xE0 | payload[1] & 0x1F])
            self._fragment_of(header, payload[1], payload[2:])
        elif 24 < kind < 30:
            raise MalformedError(f"H.264 payload type {kind}")

    def _append_hevc(self, payload: bytes) -> None:
        """The types above 50 are nobody's (RFC 7798, 4.4), and 50 has a picture in it."""
        if len(payload) < 2:  # the end of a sequence is a header alone
            raise MalformedError("an H.265 payload of less than 2 bytes")
        kind = payload[0] >> 1 & 0x3F
        if kind < 48:
            self._nal(payload)
        elif kind == 48:
            self._aggregate(payload, 2)
        elif kind == 49 and len(payload) > 2:
            header = bytes([payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1]])
            self._fragment_of(header, payload[2], payload[3:])
        elif kind <= 50:
            raise MalformedError(f"H.265 payload type {kind}")

    def _aggregate(self, payload: bytes, at: int) -> None:
        while at < len(payload):
            size = int.from_bytes(payload[at : at + 2], "big")
            at += 2
            if size > max(0, len(payload) - at):
                raise MalformedError("an aggregate names more bytes than it has")
            if size:  # some pad an aggregate with zeros
                self._nal(payload[at : at + size])
            at += size

    def _fragment_of(self, header: bytes, flags: int, payload: bytes) -> None:
        if flags & 0x80:
            self._nal(header + payload)
            self._fragment = True
        elif self._fragment:
            before = len(self._unit)
            self._grow(payload)
            self._find_slice(max(0, before - LONGEST_START))
        else:
            raise MalformedError("a fragment without its beginning")
        if flags & 0x40:
            self._fragment = False

    def _nal(self, nal: bytes) -> None:
        self._fragment = False
        before = len(self._unit)
        self._grow(nal if _starts(nal) else START_CODE + nal)
        self._find_slice(before)

    def _find_slice(self, at: int) -> None:
        """Behind each start code: some cameras send all of a picture as one NAL unit, as the byte stream it came in."""
        while not self._has_slice and (at := self._unit.find(SHORT_CODE, at)) >= 0:
            at += len(SHORT_CODE)
            self._note(bytes(self._unit[at : at + 3]))

    def _note(self, start: bytes) -> None:
        header = 2 if self._hevc else 1
        if len(start) <= header:
            return
        kind = start[0] >> 1 & 0x3F if self._hevc else start[0] & 0x1F
        slices = kind < 32 if self._hevc else 1 <= kind <= 5
        if not slices:
            return
        self._key = 16 <= kind < 24 if self._hevc else kind == 5  # RFC 7798, 1.1.4: IRAP; RFC 6184, 1.3: IDR
        # first_mb_in_slice = 0, first_slice_segment_in_pic_flag = 1: both are a first bit of 1
        if not start[header] & 0x80 and self._emitted == self._ticks:
            self._trust_marker = False
            self._damaged = True
        self._has_slice = True

    def _grow(self, data: bytes) -> None:
        if len(self._unit) + len(data) > LARGEST_UNIT:
            self._unit.clear()
            raise MalformedError(f"an access unit of more than {LARGEST_UNIT} bytes")
        self._unit += data


def _starts(nal: bytes) -> bool:
    """Some cameras leave the start code on. No NAL unit begins with its zeros."""
    return nal.startswith((START_CODE, SHORT_CODE))
