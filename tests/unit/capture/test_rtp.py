"""Byte sequences as cameras send them, and as none should."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.capture.rtp import LARGEST_UNIT, START_CODE, AccessUnit, Codec, Depacketizer, MalformedError, Packet, parse

SPS, PPS = b"\x67sps", b"\x68pps"
IDR, NEXT_SLICE, PICTURE = b"\x65\x88first slice", b"\x65\x08more", b"\x41\x9apic"
"""The bit after the NAL header says whether a slice is the first of its picture."""


def annex_b(*nals: bytes) -> bytes:
    return b"".join(START_CODE + nal for nal in nals)


class Sender:
    """Numbers packets as a camera would."""

    def __init__(self, codec: Codec = "h264", sequence: int = 65530) -> None:
        self.sequence, self.source, self.depacketizer = sequence, 7, Depacketizer(codec, 96)

    def send(
        self, payload: bytes, timestamp: int, *, marker: bool = False, skip: int = 0, kind: int = 96
    ) -> list[AccessUnit]:
        self.sequence = (self.sequence + 1 + skip) & 0xFFFF
        packet = Packet(self.source, kind, self.sequence, timestamp, marker, payload)
        return list(self.depacketizer.push(packet))

    def restart(self) -> None:
        self.source, self.sequence = self.source + 1, 99


def unit(data: bytes, timestamp: int) -> AccessUnit:
    """A key picture where there is an IDR slice in it, of H.264 or of H.265."""
    key = any(b"\0\0\1" + header in data for header in (b"\x65", b"\x26\x01"))
    return AccessUnit(data, timestamp, False, key)


def fragments(nal: bytes, count: int) -> list[bytes]:
    """FU-A (RFC 6184, 5.8) of an H.264 NAL unit."""
    size = -(-(len(nal) - 1) // count)
    parts = [nal[1 + at : 1 + at + size] for at in range(0, len(nal) - 1, size)]
    last = len(parts) - 1
    return [
        bytes([nal[0] & 0xE0 | 28, (at == 0) << 7 | (at == last) << 6 | nal[0] & 0x1F]) + part
        for at, part in enumerate(parts)
    ]


def test_header_fields_extension_and_padding() -> None:
    header = bytes([0xB1, 0xE0, 0x12, 0x34]) + (77).to_bytes(4, "big") + b"ssrc" + b"csrc"
    packet = parse(header + b"\0\0\0\1ext!" + b"payload" + b"\0\0\3")
    assert packet == Packet(int.from_bytes(b"ssrc", "big"), 0x60, 0x1234, 77, True, b"payload")


@pytest.mark.parametrize("data", [b"\x80" + bytes(11), b"\xa0" + bytes(11) + b"\0\0\0\4"], ids=["short", "padding"])
def test_a_packet_without_a_payload(data: bytes) -> None:
    assert parse(data).payload == b""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80" * 11,
        b"\x40" + bytes(20),
        b"\x8f" + bytes(30),
        b"\x90" + bytes(12),
        b"\x90" + bytes(11) + b"\0\0\xff\xff" + bytes(9),
        b"\xa0" + bytes(20) + b"\xff",
    ],
    ids=["empty", "short", "version 1", "csrc cut", "extension cut", "extension too long", "padding"],
)
def test_no_rtp_packet(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(data)


def test_a_picture_is_out_with_its_marker() -> None:
    sender = Sender()
    assert sender.send(SPS, 1000) == []
    assert sender.send(PPS, 1000) == []
    first = fragments(IDR, 3)
    assert [unit for part in first for unit in sender.send(part, 1000)] == []
    assert sender.send(NEXT_SLICE, 1000, marker=True) == [unit(annex_b(SPS, PPS, IDR, NEXT_SLICE), 0)]
    assert sender.send(PICTURE, 4000, marker=True) == [unit(annex_b(PICTURE), 3000)]


def test_aggregate() -> None:
    packet = b"\x18" + b"".join(len(nal).to_bytes(2, "big") + nal for nal in (SPS, PPS, IDR))
    assert Sender().send(packet, 5, marker=True) == [unit(annex_b(SPS, PPS, IDR), 0)]


def test_h265_single_aggregate_and_fragments() -> None:
    vps, idr = b"\x40\x01vps", b"\x26\x01\x80slice-data"
    sender = Sender("hevc")
    aggregate = b"\x60\x01" + len(vps).to_bytes(2, "big") + vps
    assert sender.send(aggregate, 0) == []
    sender.send(b"\x62\x01" + bytes([0x80 | 19]) + idr[2:6], 0)
    sender.send(b"\x62\x01" + bytes([19]) + idr[6:9], 0)
    units = sender.send(b"\x62\x01" + bytes([0x40 | 19]) + idr[9:], 0, marker=True)
    assert units == [unit(annex_b(vps, idr), 0)]
    assert sender.send(b"\x02\x01\x80p", 3000, marker=True) == [unit(annex_b(b"\x02\x01\x80p"), 3000)]


def test_an_end_of_sequence_damages_nothing() -> None:
    """A NAL unit of H.265 that is no more than its header (7.3.2.6), and of H.264 (7.3.2.5)."""
    idr, end = b"\x26\x01\x80slice-data", b"\x48\x01"
    sender = Sender("hevc")
    assert sender.send(end, 0) == []
    assert sender.send(idr, 0, marker=True) == [unit(annex_b(end, idr), 0)]
    sender = Sender()
    assert sender.send(b"\x0a", 0) == []
    assert sender.send(IDR, 0, marker=True) == [unit(annex_b(b"\x0a", IDR), 0)]


def test_markers_on_parameter_sets_do_not_end_a_unit() -> None:
    sender = Sender()
    assert sender.send(SPS, 9, marker=True) == []
    assert sender.send(PPS, 9, marker=True) == []
    assert sender.send(IDR, 9, marker=True) == [unit(annex_b(SPS, PPS, IDR), 0)]


def test_without_markers_the_next_timestamp_ends_a_unit() -> None:
    sender = Sender()
    assert sender.send(IDR, 9) == []
    assert sender.send(NEXT_SLICE, 9) == []
    assert sender.send(PICTURE, 12) == [unit(annex_b(IDR, NEXT_SLICE), 0)]


def test_markers_on_every_slice_are_found_out() -> None:
    sender = Sender()
    assert [unit.damaged for unit in sender.send(IDR, 9, marker=True)] == [False]
    assert sender.send(NEXT_SLICE, 9, marker=True) == []
    assert [unit.damaged for unit in sender.send(PICTURE, 12, marker=True)] == [True]
    assert sender.send(b"\x41\x1amore", 12, marker=True) == []
    assert sender.send(PICTURE, 15, marker=True) == [unit(annex_b(PICTURE, b"\x41\x1amore"), 3)]


def test_a_lost_packet_damages_its_picture_only() -> None:
    sender = Sender()
    parts = fragments(IDR, 4)
    assert len(parts) == 4
    sender.send(parts[0], 0)
    sender.send(parts[2], 0, skip=1)
    assert [unit.damaged for unit in sender.send(parts[3], 0, marker=True)] == [True]
    assert [unit.damaged for unit in sender.send(PICTURE, 3000, marker=True)] == [False]


def test_a_loss_between_two_pictures_may_have_been_of_either() -> None:
    sender = Sender()
    sender.send(IDR, 0)
    units = sender.send(PICTURE, 3000, marker=True, skip=1)
    assert [(unit.timestamp, unit.damaged) for unit in units] == [(0, True), (3000, True)]


def test_a_camera_that_numbers_anew_has_lost_nothing() -> None:
    """Its encoder starts anew, with another SSRC: numbers and timestamps have nothing to do with the former ones."""
    sender = Sender()
    assert sender.send(PICTURE, 9000, marker=True) == [unit(annex_b(PICTURE), 0)]
    assert sender.send(PICTURE, 12000) == []
    sender.restart()
    assert sender.send(SPS, 77) == [unit(annex_b(PICTURE), 3000)]
    assert sender.send(IDR, 77, marker=True) == [unit(annex_b(SPS, IDR), 3000)]
    assert sender.send(PICTURE, 3077, marker=True) == [unit(annex_b(PICTURE), 6000)]


def test_what_was_left_open_when_it_numbers_anew_is_damaged_or_gone() -> None:
    sender = Sender()
    sender.send(fragments(IDR, 3)[0], 0)
    sender.restart()
    assert [unit.damaged for unit in sender.send(SPS, 5)] == [True]
    sender.restart()
    assert sender.send(IDR, 9, marker=True) == [unit(annex_b(IDR), 0)]


@pytest.mark.parametrize(("payload", "kind"), [(b"", 96), (b"other", 97)], ids=["padding alone", "another type"])
def test_a_packet_that_is_not_of_the_video_counts_in_the_numbering_only(payload: bytes, kind: int) -> None:
    sender = Sender()
    assert sender.send(payload, 0, kind=kind) == []
    sender.send(IDR, 0)
    assert sender.send(payload, 0, kind=kind, marker=True) == []
    assert sender.send(NEXT_SLICE, 0, marker=True) == [unit(annex_b(IDR, NEXT_SLICE), 0)]
    assert sender.send(payload, 3000, kind=kind) == []
    assert [unit.damaged for unit in sender.send(PICTURE, 3000, marker=True)] == [False]
    sender.send(PICTURE, 6000)
    assert sender.send(payload, 6000, kind=kind, skip=1) == []
    assert [unit.damaged for unit in sender.send(PICTURE, 9000, marker=True)] == [True, True], "one was missing"


def test_another_type_of_another_numbering_is_no_restart() -> None:
    sender = Sender()
    sender.send(IDR, 0)
    assert list(sender.depacketizer.push(Packet(1, 97, 4711, 5, True, b"other"))) == []
    assert sender.send(NEXT_SLICE, 0, marker=True) == [unit(annex_b(IDR, NEXT_SLICE), 0)]


def test_a_fragment_without_its_end_bit_is_whole_when_no_number_is_missing() -> None:
    sender = Sender()
    for part in fragments(IDR, 3):
        assert sender.send(part[:1] + bytes([part[1] & ~0x40]) + part[2:], 0) == []
    assert sender.send(PICTURE, 3000, marker=True) == [
        unit(annex_b(IDR), 0),
        unit(annex_b(PICTURE), 3000),
    ]
    sender.send(b"\x7c\x87" + SPS[1:], 6000)
    assert sender.send(IDR, 6000, marker=True) == [unit(annex_b(SPS, IDR), 6000)]


def test_an_end_bit_may_come_without_a_byte() -> None:
    sender = Sender()
    sender.send(b"\x7c\x85" + IDR[1:], 0)
    assert sender.send(b"\x7c\x45", 0, marker=True) == [unit(annex_b(IDR), 0)]
    idr = b"\x26\x01\x80slice-data"
    sender = Sender("hevc")
    sender.send(b"\x62\x01" + bytes([0x80 | 19]) + idr[2:], 0)
    assert sender.send(b"\x62\x01" + bytes([0x40 | 19]), 0, marker=True) == [unit(annex_b(idr), 0)]


def test_markers_on_every_packet_end_no_unit_within_a_fragment() -> None:
    sender = Sender()
    assert sender.send(SPS, 9, marker=True) == []
    *parts, last = fragments(IDR, 3)
    assert [unit for part in parts for unit in sender.send(part, 9, marker=True)] == []
    assert sender.send(last, 9, marker=True) == [unit(annex_b(SPS, IDR), 0)]


VPS_H265, IDR_H265 = b"\x40\x01vps", b"\x26\x01\x80slice"


@pytest.mark.parametrize(("codec", "nals"), [("h264", (SPS, PPS, IDR)), ("hevc", (VPS_H265, IDR_H265))])
@pytest.mark.parametrize("front", [b"", START_CODE, START_CODE[1:]])
def test_a_byte_stream_as_one_nal_unit(codec: Codec, nals: tuple[bytes, ...], front: bytes) -> None:
    units = Sender(codec).send(front + START_CODE.join(nals), 0, marker=True)
    assert units == [unit((front or START_CODE) + START_CODE.join(nals), 0)]


def test_a_byte_stream_in_fragments_is_searched_across_their_borders() -> None:
    for stream in (START_CODE.join((SPS, PPS, IDR)), annex_b(SPS, PPS, IDR)):
        for count in range(1, len(stream) // 5):
            sender = Sender()
            *parts, last = fragments(stream, count)
            assert [unit for part in parts for unit in sender.send(part, 0)] == []
            assert sender.send(last, 0, marker=True) == [unit(annex_b(SPS, PPS, IDR), 0)]
            assert sender.send(PICTURE, 3000, marker=True) == [unit(annex_b(PICTURE), 3000)]


@pytest.mark.parametrize("kind", [0, 30, 31])
def test_private_packets_of_h264_are_ignored(kind: int) -> None:
    sender = Sender()
    assert sender.send(bytes([kind]) + b"private", 0) == []
    assert sender.send(IDR, 0, marker=True) == [unit(annex_b(IDR), 0)]


@pytest.mark.parametrize("kind", [51, 55, 63])
def test_private_packets_of_h265_are_ignored(kind: int) -> None:
    sender = Sender("hevc")
    assert sender.send(bytes([kind << 1, 1]) + b"private", 0) == []
    assert sender.send(IDR_H265, 0, marker=True) == [unit(annex_b(IDR_H265), 0)]


@pytest.mark.parametrize(("codec", "payload"), [("h264", b"\x19\0\1"), ("h264", b"\x1d\x85"), ("hevc", b"\x64\1")])
def test_packets_with_pictures_that_cannot_be_read_damage_theirs(codec: Codec, payload: bytes) -> None:
    """An aggregate with a number (STAP-B), a fragment with one (FU-B), a payload in another (PACI)."""
    sender = Sender(codec)
    sender.send(payload + b"picture", 0)
    assert [unit.damaged for unit in sender.send(IDR if codec == "h264" else IDR_H265, 0, marker=True)] == [True]


@pytest.mark.parametrize("zeros", [1, 2, 3, 4])
def test_an_aggregate_may_be_padded(zeros: int) -> None:
    packet = b"\x18" + len(IDR).to_bytes(2, "big") + IDR + bytes(zeros)
    assert Sender().send(packet, 0, marker=True) == [unit(annex_b(IDR), 0)]


def test_timestamps_wrap() -> None:
    sender = Sender()
    ticks = [sender.send(PICTURE, at & 0xFFFFFFFF, marker=True)[0].timestamp for at in (-3000, 0, 3000, 1000)]
    assert ticks == [0, 3000, 6000, 4000]


def test_memory_is_bounded() -> None:
    sender = Sender()
    sender.send(b"\x7c\x85" + IDR[1:], 0)
    chunk = b"\x7c\x05" + bytes(1 << 20)
    for _ in range(LARGEST_UNIT >> 19):
        sender.send(chunk, 0)
        assert len(sender.depacketizer._unit) <= LARGEST_UNIT
    assert [unit.damaged for unit in sender.send(PICTURE, 0, marker=True)] == [True]
    assert [unit.damaged for unit in sender.send(PICTURE, 1, marker=True)] == [False]


@given(
    st.sampled_from(["h264", "hevc"]),
    st.lists(
        st.tuples(st.binary(max_size=40), st.integers(0, 3), st.booleans(), st.integers(0, 2), st.integers(0, 9)),
        max_size=60,
    ),
)
def test_nonsense_is_never_more_than_damaged(codec: Codec, packets: list[tuple[bytes, int, bool, int, int]]) -> None:
    sender = Sender(codec)
    for payload, timestamp, marker, skip, restarts in packets:
        if not restarts:
            sender.restart()
        for unit in sender.send(payload, timestamp, marker=marker, skip=skip):
            assert unit.data or unit.damaged


@given(st.binary(max_size=64))
def test_any_bytes_are_a_packet_or_malformed(data: bytes) -> None:
    try:
        packet = parse(data)
    except MalformedError:
        return
    assert packet.payload in data
