"""What subscribers hear of events and snapshots while brokers die, freeze, refuse and return."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from agent.config.model import OutboxConfig
from agent.publish import counts, ledger
from agent.publish.backoff import ReconnectBackoff
from agent.publish.events import Event
from agent.publish.jpeg import Picture
from agent.publish.outbox import Outbox, intake
from agent.publish.payloads import OutboxHealth
from tests.support.audience import DEVICE, TOPICS, Audience
from tests.support.brokers import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.publish.message import Message
    from agent.publish.mqtt import Publisher
    from tests.support.brokers import BrokerProcess

    Listen = Callable[[BrokerProcess], Audience]
    Publish = Callable[..., Publisher]
    Start = Callable[..., BrokerProcess]

OLD = 6.0
QUEUE = 50


pytestmark = pytest.mark.made_up


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Callable[..., Outbox]]:
    made: list[Outbox] = []

    def start(publisher: Publisher, *, start: bool = True) -> Outbox:
        made.append(Outbox(OutboxConfig(), DEVICE, TOPICS, publisher, tmp_path))
        if start:
            made[-1].start()
        return made[-1]

    yield start
    for each in made:
        each.stop(1)
        assert not each._thread.is_alive()


def event(n: int, *, age: float = 0.0, picture: bool = False) -> Event:
    image = np.random.default_rng(n).integers(0, 255, (90, 120, 3), np.uint8)
    return Event(
        "vedette.track.updated",
        time.time() - age,
        synced=True,
        data={"n": n},
        camera="gate",
        picture=Picture(image, (0.2, 0.2, 0.6, 0.9), draw=True) if picture else None,
        happened=time.monotonic() - age,
    )


def heard(audience: Audience) -> list[dict[str, Any]]:
    """Events, without those whose id was heard before."""
    bodies = [json.loads(m.payload) for m in audience.messages if m.topic == TOPICS.events]
    return list({body["id"]: body for body in reversed(bodies)}.values())[::-1]


def numbers(audience: Audience) -> list[int]:
    return [body["data"]["n"] for body in heard(audience)]


def told(audience: Audience) -> list[object]:
    """The same, and of each gap its cause and the first that is missing."""
    bodies = [body["data"] for body in heard(audience)]
    return [body["n"] if "n" in body else (body["cause"], body["from"]) for body in bodies]


def of(audience: Audience, topic: str) -> list[Message]:
    return [m for m in audience.messages if m.topic == topic]


@pytest.mark.rooted
def test_a_killed_broker_costs_no_event_and_no_order(
    mosquitto: BrokerProcess,
    listen: Listen,
    publisher: Publish,
    outbox: Callable[..., Outbox],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The wait before the next attempt is fixed, so that the subscriber is there first; the rest is real.

    A subscriber may miss what the broker had acknowledged but not delivered when it was killed: that is between
    those two, and nothing is said of it here.
    """
    monkeypatch.setattr(ReconnectBackoff, "after", lambda *_args, **_options: 1.5)
    device = publisher(mosquitto.port)
    box = outbox(device)
    before = listen(mosquitto)
    wait_for(lambda: device.connected)
    for n in range(500):
        box.put(event(n))
    wait_for(lambda: len(before.messages) > 50)
    mosquitto.kill()
    wait_for(lambda: not device.connected)
    acknowledged = device.counters.events
    first = numbers(before)
    mosquitto.start()
    after = listen(mosquitto)
    for n in range(500, 520):
        box.put(event(n, age=OLD if n < 510 else 0))
    wait_for(lambda: box.health().depth == 520 - acknowledged)
    wait_for(lambda: OLD <= (box.health().age or 0) < OLD + 10)
    wait_for(lambda: numbers(after)[-1:] == [519])
    assert first == list(range(len(first)))
    second = numbers(after)
    assert second == list(range(acknowledged, 520))
    bodies = heard(after)
    assert [b["historical"] for b in bodies[-20:]] == [True] * 10 + [False] * 10
    assert [b["seq"] for b in bodies] == [n + 1 for n in second]
    assert {b["id"] for b in bodies} == {f"{box.epoch}-{b['seq']}" for b in bodies}
    topics = [m.topic for m in after.messages if m.topic in {TOPICS.status, TOPICS.events}]
    assert topics[0] == TOPICS.status, "the device is online before its events come"
    wait_for(lambda: device.counters.events == 520)
    wait_for(lambda: box.health() == OutboxHealth(0, None, 0))


@pytest.mark.rooted
def test_a_frozen_broker_costs_no_event_either(
    mosquitto: BrokerProcess,
    listen: Listen,
    publisher: Publish,
    outbox: Callable[..., Outbox],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger, "FROZEN_AFTER_S", 0.5)
    device = publisher(mosquitto.port)
    box = outbox(device)
    audience = listen(mosquitto)
    wait_for(lambda: device.connected)
    mosquitto.freeze()
    for n in range(100):
        box.put(event(n))
    try:
        wait_for(lambda: not device.connected)
        for n in range(100, 120):
            box.put(event(n))
    finally:
        monkeypatch.undo()
        mosquitto.thaw()
    wait_for(lambda: numbers(audience)[-1:] == [119])
    assert numbers(audience) == list(range(120))
    wait_for(lambda: device.counters.events == 120)


@pytest.mark.rooted
def test_a_snapshot_comes_before_its_event_which_names_its_bytes(
    mosquitto: BrokerProcess, listen: Listen, publisher: Publish, outbox: Callable[..., Outbox]
) -> None:
    audience = listen(mosquitto)
    device = publisher(mosquitto.port)
    box = outbox(device)
    wait_for(lambda: device.connected)
    device.retain(TOPICS.count("gate", "person", "porch"), counts.count(2, stale=False, at=time.time()))
    for n in range(3):
        box.put(event(n, picture=True))
    wait_for(lambda: len(heard(audience)) == 3)
    for body in heard(audience):
        snapshot = body["data"]["snapshot"]
        assert snapshot["topic"] == f"snapshot/{body['id']}"
        [picture] = of(audience, TOPICS.snapshot(body["id"]))
        assert hashlib.sha256(picture.payload).hexdigest() == snapshot["sha256"]
        assert (picture.qos, picture.retain) == (1, False)
        assert 3000 < (picture.expiry or 0) <= 3600
        assert picture.payload.startswith(b"\xff\xd8")
        [own] = [m for m in of(audience, TOPICS.events) if json.loads(m.payload)["id"] == body["id"]]
        assert audience.messages.index(picture) < audience.messages.index(own)
        assert (own.qos, own.retain) == (1, False)
        assert 604_000 < (own.expiry or 0) <= 604_800
    late = listen(mosquitto)
    wait_for(lambda: of(late, TOPICS.camera_snapshot("gate")))
    [latest] = of(late, TOPICS.camera_snapshot("gate"))
    assert latest.retain
    assert 86_000 < (latest.expiry or 0) <= 86_400
    assert latest.payload == of(audience, TOPICS.snapshot(f"{box.epoch}-1"))[0].payload, "at most one in 10 s"
    [count] = of(late, TOPICS.count("gate", "person", "porch"))
    assert json.loads(count.payload)["count"] == 2


@pytest.mark.rooted
def test_what_the_broker_refuses_is_said_once_and_holds_nothing_up(
    mosquitto_with: Start,
    tmp_path: Path,
    listen: Listen,
    publisher: Publish,
    outbox: Callable[..., Outbox],
    caplog: pytest.LogCaptureFixture,
) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"topic readwrite {TOPICS.root}/cam/#\ntopic write {TOPICS.status}\n")
    device = publisher(mosquitto_with(f"acl_file {acl}").port)
    box = outbox(device)
    for n in range(30):
        box.put(event(n, picture=n < 2))
    wait_for(
        lambda: device.counters.rejected["Not authorized"] > 32, why="snapshots, events, and the gap that names them"
    )
    wait_for(lambda: box.health() == OutboxHealth(0, None, 0))
    assert device.connected
    assert device.counters.events == 0
    assert TOPICS.events in (device.last_error or "")
    assert caplog.text.count("rejected what we publish") == 2, "one for events, one for all snapshots"


@pytest.mark.rooted
@pytest.mark.parametrize(("limit", "refused"), [("max_packet_size", 3), ("message_size_limit", 2)])
def test_what_is_larger_than_the_broker_takes_holds_nothing_up(
    mosquitto_with: Start, listen: Listen, publisher: Publish, outbox: Callable[..., Outbox], limit: str, refused: int
) -> None:
    """The first it tells as it connects; the second in the answer, with a reason that MQTT 5 has not for answers."""
    broker = mosquitto_with(f"{limit} 1000")
    audience = listen(broker)
    device = publisher(broker.port)
    box = outbox(device)
    box.put(event(1, picture=True))
    box.put(Event("vedette.test", time.time(), synced=True, data={"n": 2, "text": "x" * 2000}))
    box.put(event(3))
    gap = ("rejected", 2)
    # The third may come in time for the same commit, or after the answer to the second.
    wait_for(lambda: told(audience) in ([1, 3, gap], [1, gap, 3]), why=lambda: str(told(audience)))
    wait_for(lambda: device.counters.rejected["Packet too large"] == refused, why="snapshot, event, camera's picture")
    wait_for(lambda: "Packet too large" in (device.last_error or ""))
    assert device.counters.reconnects == 0


@pytest.mark.rooted
def test_stop_sends_what_waits_then_offline(
    mosquitto: BrokerProcess, listen: Listen, publisher: Publish, outbox: Callable[..., Outbox]
) -> None:
    audience = listen(mosquitto)
    device = publisher(mosquitto.port)
    box = outbox(device)
    for n in range(200):
        box.put(event(n))
    box.finish(1)
    device.stop(5)
    wait_for(lambda: b"offline" in audience.statuses())
    assert numbers(audience) == list(range(200))
    assert audience.messages[-1].topic == TOPICS.status
    assert not box.put(event(200)), "nobody takes it any more"


def test_stop_ends_in_time_without_a_broker(publisher: Publish, outbox: Callable[..., Outbox]) -> None:
    device = publisher(free_port())
    box = outbox(device)
    for n in range(10):
        box.put(event(n, picture=True))
    wait_for(lambda: device.last_error)
    began = time.monotonic()
    box.finish(1)
    device.stop(1)
    box.stop(1)
    assert time.monotonic() - began < 3
    assert box.health().depth == 10


def test_what_came_too_fast_is_told_by_a_gap_in_its_place(
    amqtt_broker: BrokerProcess,
    listen: Listen,
    publisher: Publish,
    outbox: Callable[..., Outbox],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also the way over a broker of 3.1.1."""
    monkeypatch.setattr(intake, "QUEUE", QUEUE)
    audience = listen(amqtt_broker)
    device = publisher(amqtt_broker.port, protocol=4)
    box = outbox(device, start=False)
    taken = [box.put(event(n)) for n in range(QUEUE + 5)]
    assert taken == [True] * QUEUE + [False] * 5
    box.start()
    wait_for(lambda: not box._intake._queue)  # each `put` without room is one more that is told of
    assert box.put(event(0))
    wait_for(lambda: len(heard(audience)) == QUEUE + 2)
    box.stop(1)
    bodies = heard(audience)
    assert [b["seq"] for b in bodies] == [*range(1, QUEUE + 1), *range(QUEUE + 6, QUEUE + 8)]
    [gap] = [b for b in bodies if b["type"] == "vedette.gap"]
    assert gap["data"]["cause"] == "overload"
    assert (gap["data"]["from"], gap["data"]["to"], gap["data"]["count"]) == (QUEUE + 1, QUEUE + 5, 5)
    assert box.missed() == {"overload": 5}


@pytest.mark.rooted
def test_an_event_that_cannot_be_worded_and_a_picture_that_is_none_cost_no_other(
    mosquitto: BrokerProcess, listen: Listen, publisher: Publish, outbox: Callable[..., Outbox]
) -> None:
    audience = listen(mosquitto)
    device = publisher(mosquitto.port)
    box = outbox(device)
    box.put(Event("vedette.test", time.time(), synced=True, data={"n": object()}))
    box.put(replace(event(2), picture=Picture(np.zeros((3, 3), np.uint8))))
    box.put(event(3))
    wait_for(lambda: len(heard(audience)) == 3)
    assert [b["data"].get("n") or b["data"]["cause"] for b in heard(audience)] == ["invalid", 2, 3]
    assert box.missed() == {"invalid": 1, "snapshots": 1}
