"""After an outage: what was left is sent at the rate that was asked for, and MQTT 5 is spoken again."""

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


def test_a_broker_that_hung_while_it_was_asked_is_spoken_to_in_mqtt_5(
    mosquitto: BrokerProcess, publisher: Publish
) -> None:
    """It may have been one of 3.1.1, which hangs on a CONNECT that it misreads: so that is tried meanwhile."""
    mosquitto.freeze()
    device = publisher(mosquitto.port)
    wait_for(lambda: device.protocol == "MQTT 3.1.1")
    time.sleep(1.5)
    mosquitto.thaw()
    wait_for(lambda: device.connected)
    assert device.protocol == "MQTT 5"
    assert device.counters.connects == 1
