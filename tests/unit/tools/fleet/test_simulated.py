"""What the simulated devices say is what a device may say: asyncapi.yaml holds for it, as for all that is said."""

from __future__ import annotations

import pytest

from agent.publish import payloads
from agent.publish.message import Message
from tests.support.contract import is_retained, violation
from tests.support.simulated import CAMERA, Simulated


@pytest.mark.parametrize("number", [0, 1, 5, 10])
@pytest.mark.parametrize("prefix", ["", "site-a"])
def test_a_simulated_device_keeps_to_the_contract(number: int, prefix: str) -> None:
    device = Simulated(number, prefix)
    retained = {**device.retained(), device.topics.status: payloads.ONLINE}
    assert all(is_retained(topic) for topic in retained)
    said = [Message(topic, payload, 1, True, None, 0.0) for topic, payload in retained.items()]
    said += [Message(device.topics.events, device.event(), 1, False, 604_800, 0.0) for _ in range(3)]
    said.append(Message(device.topics.health, payloads.health(device.health()), 0, False, 30, 0.0))
    said.append(Message(device.topics.detections(CAMERA), device.look(1), 0, False, 5, 0.0))
    assert [fault for message in said if (fault := violation(message, expires=True)) is not None] == []
    assert len({message.payload for message in said if message.topic == device.topics.events}) == 3
