"""The broker that demo and bench bring along."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.config.model import MqttConfig
from agent.publish.endpoint import Endpoint
from agent.publish.mqtt import Publisher
from agent.publish.subscribe import Subscriber
from agent.tools import broker as own
from tests.support.audience import TOPICS
from tests.support.brokers import HOST, MOSQUITTO, MOSQUITTO_MISSING, wait_for

if TYPE_CHECKING:
    from agent.publish.message import Message

CHILD = """
import sys, time
from agent.tools import broker
if sys.argv[1] == "amqtt":
    broker.find_mosquitto = lambda: None
print(broker.start_broker().process.pid, flush=True)
time.sleep(60)
"""
KINDS = [pytest.param("mosquitto", marks=pytest.mark.rooted), "amqtt"]


def needed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "amqtt":
        pytest.importorskip("amqtt", reason="amqtt is not installed (pip install 'vedette[demo]')")
        monkeypatch.setattr(own, "find_mosquitto", lambda: None)
    elif MOSQUITTO is None:
        pytest.skip(MOSQUITTO_MISSING)


@pytest.mark.parametrize("kind", KINDS)
def test_it_carries_messages_and_stops(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    needed(kind, monkeypatch)
    broker = own.start_broker()
    assert broker.kind == kind
    heard: list[Message] = []
    subscriber = Subscriber(Endpoint(broker.host, broker.port), ["#"], heard.append)
    device = Publisher(MqttConfig(host=broker.host, port=broker.port), "gate", protocol=broker.protocol)
    try:
        subscriber.start()
        device.start()
        wait_for(lambda: device.connected)
        device.stop(2)
        wait_for(
            lambda: [(m.topic, m.payload) for m in heard] == [(TOPICS.status, b"online"), (TOPICS.status, b"offline")]
        )
    finally:
        subscriber.stop()
        broker.stop()
    assert broker.process.poll() is not None
    broker.stop()
    with pytest.raises(ConnectionError, match=f"nothing listens at {HOST}:{broker.port}"):
        Subscriber(Endpoint(broker.host, broker.port), ["#"], heard.append).start(0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_it_dies_with_whoever_started_it(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    needed(kind, monkeypatch)
    parent = subprocess.Popen([sys.executable, "-c", CHILD, kind], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout:
        child = Path("/proc", parent.stdout.readline().decode().strip(), "cmdline")
    assert child.read_bytes()
    parent.send_signal(signal.SIGKILL)
    parent.wait(5)
    wait_for(lambda: not child.exists() or not child.read_bytes())


def test_without_any_broker_the_fix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "find_mosquitto", lambda: None)
    monkeypatch.setattr(own.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(own.BrokerError, match="apt install mosquitto"):
        own.start_broker()
