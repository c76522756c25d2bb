"""What stands in a PUBLISH beside topic and payload."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.publish.properties import publishing, with_lesser_size
from agent.publish.pump import EVENT, HEADER_BYTES, PICTURE


@pytest.mark.parametrize("kind", [EVENT, PICTURE])
def test_an_event_says_what_it_is(kind: str) -> None:
    properties = publishing(59.2, None, None, kind)
    assert properties is not None
    assert (properties.ContentType, properties.MessageExpiryInterval) == (kind, 60)
    longest = 1 + 4 + 2 + 2  # the fixed header, the topic's length and the packet's number
    assert len(properties.pack()) + longest <= HEADER_BYTES  # type: ignore[no-untyped-call]


def test_without_expiry_there_is_nothing_to_say() -> None:
    assert publishing(None, None, None) is None


@pytest.mark.parametrize("size", [1, 268_435_455, 268_435_456, 0xFFFFFFFF])
@pytest.mark.parametrize(
    "before",
    [b"", b"\x11\0\0\0\1\x13\0\5\x21\0\1\x22\0\1\x24\1\x25\1\x28\1\x29\1\x2a\1", b"\x12\0\1'\x1f\0\2''\x26\0\1'\0\1'"],
    ids=["alone", "numbers", "texts"],
)
def test_a_packet_size_is_at_most_what_paho_takes(before: bytes, size: int) -> None:
    def connack(size: int) -> bytes:
        properties = before + b"\x27" + size.to_bytes(4, "big") + b"\x1a\0\1r"
        return bytes([0, 0, len(properties)]) + properties

    assert with_lesser_size(connack(size)) == connack(min(size, 268_435_455))


@given(st.binary(max_size=40))
def test_whatever_a_connack_is_its_length_stays(body: bytes) -> None:
    assert len(with_lesser_size(body)) == len(body)
