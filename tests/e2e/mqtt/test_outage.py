"""What an outage leaves to be sent: at the rate that was asked for."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from agent.config.model import OutboxConfig
from agent.publish.events import Event
from agent.publish.outbox import Outbox
from tests.support.audience import DEVICE, TOPICS, Audience
from tests.support.brokers import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.publish.mqtt import Publisher
    from tests.support.brokers import BrokerProcess

    Listen = Callable[[BrokerProcess], Audience]
    Publish = Callable[..., Publisher]

pytestmark = [pytest.mark.made_up, pytest.mark.rooted]


def event(n: int, age: float) -> Event:
    return Event("vedette.test", time.time() - age, True, {"n": n}, happened=time.monotonic() - age)


def numbers(audience: Audience) -> list[int]:
    return [json.loads(m.payload)["data"]["n"] for m in audience.messages if m.topic == TOPICS.events]


def test_late_events_go_at_the_rate_that_is_asked_for(
    mosquitto: BrokerProcess, listen: Listen, publisher: Publish, tmp_path: Path
) -> None:
    """Forty a second; nothing else wakes the network thread for them. That it is not faster, `test_feed` says."""
    audience = listen(mosquitto)
    device = publisher(mosquitto.port, drain_rate=40.0)
    box = Outbox(OutboxConfig(), DEVICE, TOPICS, device, tmp_path)
    for n in range(80):
        box.put(event(n, 60.0))
    box.start()
    wait_for(lambda: len(numbers(audience)) == 80)
    box.stop(5)
    assert numbers(audience) == list(range(80))
