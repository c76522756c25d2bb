"""What a broker and its subscribers see of a device that comes, goes, dies and returns."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from agent.config.model import MqttConfig
from agent.publish import ledger
from agent.publish.mqtt import Publisher
from agent.publish.outbox.send_window import Row
from tests.support.audience import DEVICE, TOPICS, Audience
from tests.support.brokers import HOST, free_port, wait_for
from tests.support.byte_broker import ByteBroker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.publish.message import Message
    from tests.support.brokers import BrokerProcess

    Listen = Callable[[BrokerProcess], Audience]
    Publish = Callable[..., Publisher]

CHILD = """
import sys, time
from agent.config.model import MqttConfig
from agent.publish import ledger
from agent.publish.mqtt import Publisher
p = Publisher(MqttConfig(host="127.0.0.1", port=int(sys.argv[1])), "gate")
p.start()
while True: time.sleep(1)
"""


pytestmark = pytest.mark.made_up


@pytest.mark.rooted
def test_status_online_comes_after_every_retained_value(
    mosquitto: BrokerProcess, listen: Listen, publisher: Publish
) -> None:
    audience = listen(mosquitto)
    device = Publisher(MqttConfig(host=HOST, port=mosquitto.port), DEVICE)
    values = [(f"{TOPICS.root}/value/{n}", b"%d" % n) for n in range(50)]
    for topic, payload in values:
        device.retain(topic, payload)
    device.start()
    wait_for(lambda: device.connected)
    device.stop(2)
    wait_for(lambda: b"offline" in audience.statuses())
    assert audience.heard() == [*values, (TOPICS.status, b"online"), (TOPICS.status, b"offline")]
    late = listen(mosquitto)
    wait_for(lambda: len(late.messages) == 51)
    assert all(m.retain for m in late.messages)
    assert late.statuses() == [b"offline"]


@pytest.mark.rooted
def test_a_killed_device_is_offline_by_its_last_will(mosquitto: BrokerProcess, listen: Listen) -> None:
    audience = listen(mosquitto)
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(mosquitto.port)])
    try:
        wait_for(lambda: audience.statuses() == [b"online"])
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait(5)
    wait_for(lambda: audience.statuses() == [b"online", b"offline"])


@pytest.mark.rooted
def test_live_messages_carry_their_expiry_and_are_not_retained(
    mosquitto: BrokerProcess, listen: Listen, publisher: Publish
) -> None:
    audience = listen(mosquitto)
    device = publisher(mosquitto.port)
    topic = TOPICS.detections("gate")
    wait_for(lambda: device.connected)
    assert device.send(topic, b"now", 4.2)
    wait_for(lambda: (topic, b"now") in audience.heard())
    message = audience.messages[-1]
    assert (message.qos, message.retain, message.expiry) == (0, False, 5)
    wait_for(lambda: device.counters.sent == 1)
    device.stop(2)
    assert not device.send(topic, b"too late", 5)
    assert device.counters.dropped["offline"] == 1
    assert (topic, b"too late") not in audience.heard()


@pytest.mark.rooted
def test_a_broker_that_forgot_everything_is_told_again(
    mosquitto: BrokerProcess, listen: Listen, publisher: Publish
) -> None:
    device = publisher(mosquitto.port)
    device.retain(TOPICS.info, b"1")
    device.retain(TOPICS.camera_status("gate"), b"online")
    wait_for(lambda: device.connected)
    mosquitto.kill()
    wait_for(lambda: not device.connected and "nothing listens" in (device.last_error or ""))
    device.retain(TOPICS.camera_status("gate"), b"stalled")
    device.retain(TOPICS.camera_status("gate"), b"offline")
    mosquitto.start()
    audience = listen(mosquitto)
    wait_for(lambda: b"online" in audience.statuses())
    assert dict(audience.heard()) == {
        TOPICS.info: b"1",
        TOPICS.camera_status("gate"): b"offline",
        TOPICS.status: b"online",
    }
    wait_for(lambda: device.connected)
    assert device.last_error is None
    assert device.counters.reconnects == 1


@pytest.mark.rooted
def test_a_frozen_broker_is_given_up_and_memory_stays_bounded(mosquitto: BrokerProcess, publisher: Publish) -> None:
    device = publisher(mosquitto.port)
    wait_for(lambda: device.connected)
    mosquitto.freeze()
    offered = 0

    def offer() -> bool:
        nonlocal offered
        offered += 1
        device.retain(TOPICS.camera_state("gate"), b"%d" % offered)
        device.send(TOPICS.detections("gate"), bytes(100_000), 5)
        return not device.connected

    try:
        wait_for(offer, 13, "the frozen broker was not noticed")
        wait_for(lambda: device.last_error)  # which of the two notices first, the ledger or TCP, is open
        counters = device.counters
        assert counters.dropped["backlog"] > 0
        live = counters.sent + counters.dropped.total()
        assert live == offered
    finally:
        mosquitto.thaw()
    wait_for(lambda: device.connected, 20)
    assert device.last_error is None


@pytest.mark.rooted
def test_an_idle_frozen_broker_is_noticed_too(
    mosquitto: BrokerProcess, publisher: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "PROBE_AFTER_S", 1.0)
    monkeypatch.setattr(ledger, "FROZEN_AFTER_S", 2.0)
    device = publisher(mosquitto.port)
    wait_for(lambda: device.connected)
    mosquitto.freeze()
    try:
        wait_for(lambda: not device.connected)
        assert "has not answered for" in (device.last_error or "")
    finally:
        mosquitto.thaw()
    wait_for(lambda: device.connected, 20)


@pytest.mark.rooted
def test_answers_that_are_here_but_unread_are_no_silence(
    mosquitto: BrokerProcess, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a standstill of the whole machine, when the main thread is awake before the network thread."""
    monkeypatch.setattr(ledger, "FROZEN_AFTER_S", 0.5)
    audience = listen(mosquitto)
    held, free = threading.Event(), threading.Event()

    def hold(_: Message) -> None:
        held.set()
        free.wait(10)

    device = Publisher(MqttConfig(host=HOST, port=mosquitto.port), DEVICE, listen=[TOPICS.command()], on_message=hold)
    device.start()
    wait_for(lambda: device.connected)
    audience.subscriber.publish(TOPICS.command("ping"), b"{}")
    assert held.wait(10)
    device.retain(TOPICS.info, b"1")
    wait_for(lambda: (TOPICS.info, b"1") in audience.heard())
    time.sleep(0.6)
    device.tick(time.monotonic())
    free.set()
    time.sleep(0.6)
    device.retain(TOPICS.info, b"2")
    wait_for(lambda: (TOPICS.info, b"2") in audience.heard())
    assert audience.statuses() == [b"online"]
    assert device.counters.connects == 1
    device.stop(2)


@pytest.mark.rooted
def test_a_second_device_of_the_same_name_is_named_as_the_cause(
    mosquitto: BrokerProcess, publisher: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    """Mosquitto 2.0.11 gives no reason when it ends the older connection, so the cause is said as a guess."""
    caplog.set_level("INFO")
    for device in (publisher(mosquitto.port), publisher(mosquitto.port)):
        wait_for(lambda device=device: device.counters.connects)
    wait_for(lambda: "another client" in caplog.text, 20)
    assert f"'{DEVICE}'" in caplog.text
    assert "give each device a `device` of its own" in caplog.text


def test_a_broker_that_says_taken_over_is_believed_at_once(publisher: Publish) -> None:
    """The two packets of MQTT 5 that matter here, from a socket: no broker installed here sends the second."""
    connack, taken_over = bytes([0x20, 3, 0, 0, 0]), bytes([0xE0, 2, 0x8E, 0])
    with socket.create_server((HOST, 0)) as server:
        device = publisher(server.getsockname()[1])
        server.settimeout(5)
        connection, _ = server.accept()
        with connection:
            assert b"MQTT\x05" in connection.recv(1000)
            connection.sendall(connack + taken_over)
            wait_for(lambda: "another client connected" in (device.last_error or ""))


@pytest.mark.rooted
def test_stop_ends_in_time_though_the_broker_is_frozen(mosquitto: BrokerProcess, publisher: Publish) -> None:
    device = publisher(mosquitto.port)
    wait_for(lambda: device.connected)
    mosquitto.freeze()
    session, _ = device.event_space()
    assert device.deliver(session, [Row(1, "e", 1, TOPICS.events, b"{}", time.monotonic(), time.monotonic() + 60)])
    device.stop(1)
    wait_for(lambda: not device._thread.is_alive(), 10)
    mosquitto.thaw()


def test_without_a_broker_values_wait_and_live_messages_do_not(publisher: Publish) -> None:
    device = publisher(free_port())
    wait_for(lambda: device.last_error)
    for n in range(1000):
        device.retain(TOPICS.info, b"%d" % n)
        assert not device.send(TOPICS.detections("gate"), b"x", 5)
    assert device.counters.dropped == {"offline": 1000}
    assert not device.connected


def test_a_broker_of_3_1_1_is_spoken_to_in_3_1_1(
    amqtt_broker: BrokerProcess, listen: Listen, publisher: Publish
) -> None:
    audience = listen(amqtt_broker)
    device = publisher(amqtt_broker.port)
    device.retain(TOPICS.info, b"{}")
    wait_for(lambda: device.connected)
    assert device.protocol == "MQTT 3.1.1"
    assert device.last_error is None
    device.send(TOPICS.detections("gate"), b"seen", 5)
    wait_for(lambda: device.counters.sent == 1)
    device.stop(2)
    wait_for(lambda: b"offline" in audience.statuses())
    assert audience.heard() == [
        (TOPICS.info, b"{}"),
        (TOPICS.status, b"online"),
        (TOPICS.detections("gate"), b"seen"),
        (TOPICS.status, b"offline"),
    ]


@pytest.mark.rooted
def test_a_move_that_is_taken_back_ends_where_it_began(mosquitto: BrokerProcess, publisher: Publish) -> None:
    device = publisher(mosquitto.port)
    wait_for(lambda: device.connected)
    device.use(MqttConfig(host=HOST, port=free_port()), ())
    device.use(MqttConfig(host=HOST, port=mosquitto.port), ())
    device._link.wake()
    wait_for(lambda: not device.moving)
    wait_for(lambda: device.connected)
    device.use(MqttConfig(host=HOST, port=free_port()), ())
    wait_for(lambda: "nothing listens" in (device.last_error or ""))
    device.use(MqttConfig(host=HOST, port=free_port()), ())
    device.use(MqttConfig(host=HOST, port=mosquitto.port), ())
    wait_for(lambda: device.connected)
    assert not device.moving


@pytest.mark.rooted
def test_a_picture_that_comes_after_its_camera_was_taken_away_does_not_stay(
    mosquitto: BrokerProcess, listen: Listen, publisher: Publish
) -> None:
    """The outbox's thread words the last events of a camera when the config has it no more."""
    audience = listen(mosquitto)
    device = publisher(mosquitto.port)
    wanted = {TOPICS.camera_snapshot("gate"), TOPICS.camera_snapshot("yard")}
    device.expect(lambda topic: topic in wanted)
    wait_for(lambda: device.connected)
    device.show(TOPICS.camera_snapshot("gate"), b"first")
    wait_for(lambda: (TOPICS.camera_snapshot("gate"), b"first") in audience.heard())
    wanted.remove(TOPICS.camera_snapshot("gate"))
    device.drop([TOPICS.camera_snapshot("gate")])
    device.show(TOPICS.camera_snapshot("gate"), b"last", at_once=True)
    device.show(TOPICS.camera_snapshot("yard"), b"another")
    wait_for(lambda: (TOPICS.camera_snapshot("yard"), b"another") in audience.heard())
    assert audience.values()[TOPICS.camera_snapshot("gate")] == b""


@pytest.mark.rooted
@pytest.mark.parametrize("restarted", [False, True])
def test_what_a_broker_keeps_is_known_when_the_device_comes_back_to_it(
    mosquitto_with: Callable[..., BrokerProcess], listen: Listen, tmp_path: Path, restarted: bool
) -> None:
    """The camera was taken away while the device was at another broker, which was told so."""
    here, there = mosquitto_with(), mosquitto_with()
    gate, yard, new = (TOPICS.camera_status(camera) for camera in ("gate", "yard", "new"))

    def started(port: int) -> Publisher:
        device = Publisher(MqttConfig(host=HOST, port=port), DEVICE, memory=tmp_path / "retained.json")
        device.expect({TOPICS.status, gate}.__contains__)
        device.start()
        return device

    def moved(device: Publisher, port: int) -> Publisher:
        if restarted:
            device.stop(2)
            return started(port)
        device.use(MqttConfig(host=HOST, port=port), [])
        wait_for(lambda: not device.moving)
        return device

    device = started(here.port)
    device.retain_all([(gate, b"online"), (yard, b"online")])
    wait_for(lambda: device.connected)
    device = moved(device, there.port)
    wait_for(lambda: device.connected)
    device.retain_all([(yard, b""), (new, b"online")])
    elsewhere = listen(there)
    wait_for(lambda: elsewhere.values().get(new) == b"online" and yard not in elsewhere.values())
    device = moved(device, here.port)
    device.retain_all([(gate, b"online"), (new, b"")])
    wait_for(lambda: device.connected)
    audience = listen(here)
    wait_for(lambda: audience.values() == {gate: b"online", TOPICS.status: b"online"}, why=audience.values)
    device.stop(2)


def test_what_is_wanted_no_more_while_a_connection_opens_is_emptied_on_it(tmp_path: Path) -> None:
    """It is known 15 s after the start which alerts still hold, and a broker may come back just then."""
    alert, engine = TOPICS.alert("disk-full", "device"), TOPICS.engine_status("openvino-person")
    memory = tmp_path / "retained.json"
    memory.write_text(json.dumps({"topics": [alert, engine]}))
    broker = ByteBroker(answers=lambda topic: topic != TOPICS.status)
    device = Publisher(MqttConfig(host=HOST, port=broker.port), DEVICE, memory=memory)
    device.expect(lambda _: True)
    device.start()
    wait_for(lambda: (TOPICS.status, b"online") in broker.published)
    assert not device.connected
    device.expect(lambda topic: topic == engine)
    wait_for(lambda: (alert, b"") in broker.published)
    device.stop(0.5)
    broker.end()
    assert (engine, b"") not in broker.published


def test_nothing_follows_the_goodbye() -> None:
    """A dispatch thread that was not joined in time goes on to publish."""
    broker = ByteBroker(answers=lambda _: (TOPICS.status, b"offline") not in broker.published)
    device = Publisher(MqttConfig(host=HOST, port=broker.port), DEVICE)
    device.start()
    wait_for(lambda: device.connected)
    stopping = threading.Thread(target=device.stop, args=(2,))
    stopping.start()
    wait_for(lambda: (TOPICS.status, b"offline") in broker.published)
    assert not device.send(TOPICS.detections("gate"), b"seen", 5)
    assert not device.reply(f"{TOPICS.replies}/me", b"{}", None)
    device.show(TOPICS.camera_snapshot("gate"), b"seen")
    stopping.join(5)
    broker.end()
    assert broker.published[-1] == (TOPICS.status, b"offline")
