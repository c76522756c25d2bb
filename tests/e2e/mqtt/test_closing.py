"""A broker that closes the connection for a message that it does not take, and cannot say so: MQTT 3.1.1."""

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

pytestmark = [pytest.mark.made_up, pytest.mark.rooted]

LARGE = "x" * 4000


@pytest.fixture
def device(mosquitto_with: Callable[..., BrokerProcess], publisher: Callable[..., Publisher]) -> Publisher:
    return publisher(mosquitto_with("max_packet_size 1500").port, protocol=4, reconnect_max=0.2)


def heard(audience: Audience) -> list[int | str]:
    """Numbers of events, each once, and the causes of gaps."""
    bodies = [json.loads(m.payload) for m in audience.messages if m.topic == TOPICS.events]
    return list(dict.fromkeys(body["data"].get("n", body["data"].get("cause")) for body in bodies))


def test_an_event_does_not_hold_up_the_others(
    device: Publisher, listen: Callable[..., Audience], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    audience = listen(device._endpoint)
    box = Outbox(OutboxConfig(), DEVICE, TOPICS, device, tmp_path)
    box.start()
    for n in range(30):
        text = LARGE if n == 5 else ""
        box.put(Event("vedette.test", time.time(), synced=True, data={"n": n, "text": text}, camera="gate"))
    try:
        wait_for(lambda: box.health().depth == 0, 30, why=lambda: device.last_error)
        wait_for(lambda: heard(audience) == [*(n for n in range(30) if n != 5), "rejected"])
    finally:
        box.stop(1)
    assert f"rejected what we publish to {TOPICS.events} (Connection closed)" in caplog.text
    assert "max_packet_size" in caplog.text


def test_a_retained_value_does_not_keep_the_device_offline(device: Publisher, listen: Callable[..., Audience]) -> None:
    audience = listen(device._endpoint)
    large = TOPICS.config_status
    device.retain(large, LARGE.encode())
    device.retain(TOPICS.info, b"{}")
    wait_for(lambda: device.refused == {large: "Connection closed"}, 30, why=lambda: device.last_error)
    wait_for(lambda: device.connected)
    assert audience.values()[TOPICS.info] == b"{}"
    device.retain(large, b"{}")
    wait_for(lambda: audience.values().get(large) == b"{}")
    wait_for(lambda: not device.refused)


def test_a_picture_does_not_keep_the_device_offline(device: Publisher, listen: Callable[..., Audience]) -> None:
    audience = listen(device._endpoint)
    topic = TOPICS.camera_snapshot("gate")
    wait_for(lambda: device.connected)
    device.show(topic, LARGE.encode())
    wait_for(lambda: device.refused == {topic: "Connection closed"}, 30, why=lambda: device.last_error)
    wait_for(lambda: device.connected)
    connects = device.counters.connects
    device.show(topic, LARGE.encode() + b"larger", at_once=True)
    device.show(TOPICS.camera_snapshot("yard"), b"small")
    wait_for(lambda: (TOPICS.camera_snapshot("yard"), b"small") in audience.heard())
    assert device.counters.connects == connects
