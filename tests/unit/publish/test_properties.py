"""What stands in a PUBLISH beside topic and payload."""

from __future__ import annotations

import pytest

from agent.publish.properties import publishing
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
