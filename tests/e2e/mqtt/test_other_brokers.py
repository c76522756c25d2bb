"""What brokers may do that mosquitto does not: by one of bytes, which proves nothing of any real one."""

from __future__ import annotations

import json
import shutil
import ssl
import time
from typing import TYPE_CHECKING

import pytest

from agent.config.model import MqttConfig, OutboxConfig, TlsConfig
from agent.publish.endpoint import Endpoint
from agent.publish.events import Event
from agent.publish.link import MQTT5, Link
from agent.publish.message import Answer
from agent.publish.mqtt import Publisher
from agent.publish.outbox import Outbox
from agent.publish.subscribe import Subscriber
from tests.support.audience import DEVICE, TOPICS
from tests.support.brokers import HOST, make_certificates, wait_for
from tests.support.byte_broker import DISCONNECT, ByteBroker, disconnect, publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.publish.message import Message

    Begin = Callable[..., ByteBroker]

NOT_TEXT = publish(b"\xff", b"not text")


@pytest.fixture
def begin() -> Iterator[Begin]:
    begun: list[ByteBroker] = []

    def broker(*given: bytes, **options: object) -> ByteBroker:
        begun.append(ByteBroker(*given, **options))  # type: ignore[arg-type]
        return begun[-1]

    yield broker
    for each in begun:
        each.end()


def opened(broker: ByteBroker, heard: list[Message], tls: TlsConfig | None = None) -> Link:
    link = Link(Endpoint(HOST, broker.port, tls=tls), "reader", MQTT5, on_message=heard.append)
    link.open(lambda: False)
    return link


@pytest.mark.parametrize(
    ("reason", "heard"),
    [
        (0x00, (0, "")),
        (0x10, (0x10, "")),
        (0x18, (0x18, "")),
        (0x87, (0x87, "Not authorized")),
        (0x95, (0x95, "Packet too large")),
        (0xE1, (0xE1, "reason 0xE1")),
    ],
)
def test_an_answer_is_an_answer_whatever_its_reason(begin: Begin, reason: int, heard: tuple[int, str]) -> None:
    link = opened(begin(reason=reason), [])
    for _ in range(2):
        mid = link.publish("t", b"", qos=1, retain=False)
        found: list[Answer] = []
        wait_for(lambda found=found: link.loop(0.1) and (found.extend(link.answers()) or found))
        assert found == [Answer(mid, *heard)]
    link.abort()


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
def test_all_of_one_segment_is_heard_though_nothing_follows(begin: Begin, tmp_path: Path, encrypted: bool) -> None:
    context = tls = None
    if encrypted:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed (apt install openssl)")
        make_certificates(tmp_path, HOST)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
        tls = TlsConfig(ca=str(tmp_path / "ca.pem"))
    wanted = [b"one", b"two", b"x" * 100, b"four"]
    heard: list[Message] = []
    link = opened(begin(b"".join(publish(b"t", payload) for payload in wanted), context=context), heard, tls)
    deadline = time.monotonic() + 5
    while len(heard) < len(wanted) and time.monotonic() < deadline:
        assert link.loop(0.5)
    began = time.monotonic()
    assert link.loop(0.2)
    assert time.monotonic() - began > 0.1, "it waits again once all is read"
    link.abort()
    assert [message.payload for message in heard] == wanted


def test_a_topic_that_is_no_text_is_passed_over(begin: Begin) -> None:
    heard: list[Message] = []
    link = opened(begin(NOT_TEXT + publish(b"t", b"text")), heard)
    deadline = time.monotonic() + 5
    while not heard and time.monotonic() < deadline:
        assert link.loop(0.2)
    link.abort()
    assert [message.payload for message in heard] == [b"text"]


def test_who_looks_on_goes_on_after_what_he_cannot_take(begin: Begin) -> None:
    heard: list[bytes] = []

    def take(message: Message) -> None:
        heard.append(message.payload)
        if len(heard) == 1:
            raise ValueError("a message that nobody thought of")

    broker = begin(publish(b"t", b"first"))
    subscriber = Subscriber(Endpoint(HOST, broker.port), ["t"], take, verb="test")
    with pytest.raises(ConnectionError):  # the broker of bytes serves one connection only
        subscriber.start(2.0)
    assert heard == [b"first"]
    assert subscriber.error is not None


def test_the_brokers_last_word_is_heard_though_nothing_can_be_sent_any_more(begin: Begin) -> None:
    broker = begin(disconnect(0x97), leaves=True)
    link = opened(broker, [])
    assert broker.left.wait(5)
    deadline = time.monotonic() + 5
    for _ in range(3):
        link.publish("t", b"x", qos=0, retain=False)
        time.sleep(0.05)
    while link.loop(0.2):
        assert time.monotonic() < deadline
    assert "Quota exceeded" in link.closed_by().text


def test_a_broker_that_takes_more_than_paho_believes_is_spoken_to_in_mqtt_5(begin: Begin) -> None:
    properties = b"\x26\0\1a\0\2bc" + b"\x21\0\x0a" + b"\x27\xff\xff\xff\xff" + b"\x12\0\1x"
    connack = bytes([0x20, 3 + len(properties), 0, 0, len(properties)]) + properties
    link = opened(begin(connack=connack), [])
    assert (link.largest, link.window) == (268_435_455, 10)
    link.abort()


def test_a_full_socket_is_waited_for_in_peace(begin: Begin) -> None:
    link = opened(begin(reads=False), [])
    link.loop(0)
    link.publish("t", bytes(16 << 20), qos=0, retain=False)
    turns, until = 0, time.monotonic() + 1
    while time.monotonic() < until:
        assert link.loop(0.2)
        link.flush()  # as whoever turns it does after each answer
        turns += 1
    link.abort()
    assert turns < 50


def test_a_number_that_is_still_unanswered_is_not_given_again(begin: Begin) -> None:
    link = opened(begin(answers=lambda _topic: False), [])
    first = link.publish("t", b"1", qos=1, retain=False)
    link._client._last_mid = first - 1  # as 65,535 messages later
    second = link.publish("t", b"2", qos=1, retain=False)
    link.abort()
    assert second != first


def test_where_offline_cannot_be_told_the_will_tells_it(begin: Begin, tmp_path: Path) -> None:
    """Unanswered events fill the window; a DISCONNECT would take back the will, and `online` would stay for ever."""
    broker = begin(answers=lambda topic: topic != TOPICS.events)
    publisher = Publisher(MqttConfig(host=HOST, port=broker.port), DEVICE)
    outbox = Outbox(OutboxConfig(), DEVICE, TOPICS, publisher, tmp_path)
    publisher.start()
    outbox.start()
    wait_for(lambda: publisher.connected)
    for n in range(60):
        outbox.put(Event("vedette.camera.status", time.time(), True, {"n": n}, "yard"))
    wait_for(lambda: [topic for topic, _ in broker.published].count(TOPICS.events) >= 20)
    outbox.finish(0.5)
    publisher.stop(1.0)
    outbox.stop(1.0)
    assert broker.left.wait(5)
    said = [payload for topic, payload in broker.published if topic == TOPICS.status]
    assert said == [b"online"]
    assert DISCONNECT not in broker.kinds
    assert json.loads(next(p for t, p in broker.published if t == TOPICS.events))["seq"] == 1
