"""Whoever publishes writes to the socket, at once; the thread that turns the link, what the socket did not take."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from agent.config.model import TlsConfig
from agent.publish.endpoint import Endpoint
from agent.publish.link import MQTT5, Link
from agent.publish.subscribe import Subscriber
from tests.support.brokers import HOST, free_port, make_certificates, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.publish.message import Message
    from tests.support.brokers import BrokerProcess

pytestmark = pytest.mark.rooted

TOPIC = "t/+"
THREADS, EACH, SIZE = 4, 40, 200_000


@pytest.fixture
def heard(mosquitto: BrokerProcess) -> Iterator[list[Message]]:
    messages: list[Message] = []
    subscriber = Subscriber(Endpoint(HOST, mosquitto.port), [TOPIC], messages.append, verb="test")
    subscriber.start()
    yield messages
    subscriber.stop()


def opened(port: int) -> Link:
    link = Link(Endpoint(HOST, port), "writer", MQTT5)
    link.open(lambda: False)
    return link


def test_a_message_leaves_without_the_thread_that_turns(mosquitto: BrokerProcess, heard: list[Message]) -> None:
    link = opened(mosquitto.port)
    link.publish("t/0", b"held", qos=0, retain=False, hold=True)
    time.sleep(0.2)
    assert heard == []
    link.publish("t/0", b"and more", qos=0, retain=False)
    wait_for(lambda: len(heard) == 2, 10)
    assert [message.payload for message in heard] == [b"held", b"and more"]
    assert len(link.answers()) == 2
    link.close(1)


def test_what_the_socket_does_not_take_follows_whole_and_in_order(
    mosquitto: BrokerProcess, heard: list[Message]
) -> None:
    """Four threads write more than the sockets hold, while the broker stands still."""
    link = opened(mosquitto.port)
    ended = threading.Event()

    def turn() -> None:
        while not ended.is_set() and link.loop(0.5):
            pass

    def write(thread: int) -> None:
        for number in range(EACH):
            link.publish(f"t/{thread}", bytes([thread, number]) * (SIZE // 2), qos=0, retain=False)

    turning = threading.Thread(target=turn)
    turning.start()
    writers = [threading.Thread(target=write, args=(thread,)) for thread in range(THREADS)]
    mosquitto.freeze()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(5)
        assert not writer.is_alive(), "publishing waited for the network"
    mosquitto.thaw()
    wait_for(lambda: len(heard) == THREADS * EACH, 20, "not all came")
    for thread in range(THREADS):
        came = [message.payload for message in heard if message.topic == f"t/{thread}"]
        assert came == [bytes([thread, number]) * (SIZE // 2) for number in range(EACH)]
    ended.set()
    link.wake()
    turning.join(5)
    link.close(1)


def test_a_wait_is_ended_at_once(mosquitto: BrokerProcess) -> None:
    link = opened(mosquitto.port)
    waking = threading.Timer(0.1, link.wake)
    waking.start()
    began = time.monotonic()
    assert link.loop(5)
    assert time.monotonic() - began < 2
    link.close(1)


def test_whoever_is_told_of_a_message_may_publish(mosquitto: BrokerProcess, heard: list[Message]) -> None:
    def echo(message: Message) -> None:
        link.publish("t/echo", message.payload, qos=0, retain=False)

    link = Link(Endpoint(HOST, mosquitto.port), "echo", MQTT5, on_message=echo)
    link.open(lambda: False)
    link.subscribe(["asked"], qos=1)
    turning = threading.Thread(target=lambda: [link.loop(0.1) for _ in range(15)], daemon=True)
    turning.start()
    wait_for(lambda: link.answers() != [], 10)
    link.publish("asked", b"one", qos=0, retain=False)
    wait_for(lambda: [message.payload for message in heard] == [b"one"], 5)
    turning.join(10)
    assert not turning.is_alive()
    link.close(1)


def test_a_closed_connection_with_messages_unanswered_leaves_no_will(
    mosquitto_with: Callable[..., BrokerProcess], tmp_path: Path
) -> None:
    """Over TLS, where mosquitto reads one message at a time and answers it, and finds the reset before DISCONNECT."""
    make_certificates(tmp_path, HOST)
    plain = free_port()
    files = f"certfile {tmp_path}/server.pem", f"keyfile {tmp_path}/server.key"
    broker = mosquitto_with(*files, f"listener {plain} {HOST}")
    messages: list[Message] = []
    subscriber = Subscriber(Endpoint(HOST, plain), ["will", "t/+"], messages.append, verb="test")
    subscriber.start()
    tls = TlsConfig(ca=str(tmp_path / "ca.pem"))
    link = Link(Endpoint(HOST, broker.port, tls=tls), "writer", MQTT5, ("will", b"offline"))
    link.open(lambda: False)
    for _ in range(20):
        link.publish("t/0", b"x" * 200, qos=1, retain=False)
    link.close(5)
    wait_for(lambda: len(messages) >= 20, 10)
    wait_for(lambda: "disconnected" in broker.log().split("as writer", 1)[-1], 10, broker.log)
    subscriber.stop()
    assert [message.topic for message in messages] == ["t/0"] * 20
