"""The queue before the outbox's thread, with a publisher that has no broker: what it would send is in its line."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from agent.config.model import MqttConfig
from agent.publish import outbox as module
from agent.publish.events import Event
from agent.publish.jpeg import Picture
from agent.publish.mqtt import Publisher
from agent.publish.outbox import Outbox
from agent.publish.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Sequence

TOPICS = Topics("", "gate-pi")


def event(n: int, *, picture: bool = False) -> Event:
    pixels = Picture(np.zeros((20, 20, 3), np.uint8)) if picture else None
    return Event("vedette.test", time.time(), synced=True, data={"n": n}, picture=pixels)


def through(events: Sequence[Event], *, timeout: float = 5.0) -> tuple[list[bool], list[dict[str, Any]], Publisher]:
    """Offered and stopped before the thread runs, then worded. What was taken, what is to be sent, in order."""
    publisher = Publisher(MqttConfig(), "gate-pi")
    outbox = Outbox("gate-pi", TOPICS, publisher)
    taken = [outbox.put(each) for each in events]
    outbox.stop(timeout)
    outbox.start()
    outbox._thread.join(5)
    assert not outbox._thread.is_alive()
    return taken, [json.loads(row.payload) for row in publisher._ledger.events._waiting], publisher


def test_events_are_numbered_in_the_order_of_put() -> None:
    _, bodies, _ = through([event(n) for n in range(50)])
    assert [(b["seq"], b["data"]["n"]) for b in bodies] == [(n + 1, n) for n in range(50)]
    assert len({b["epoch"] for b in bodies}) == 1


def test_two_outboxes_never_share_an_epoch() -> None:
    publisher = Publisher(MqttConfig(), "gate-pi")
    assert len({Outbox("gate-pi", TOPICS, publisher).epoch for _ in range(50)}) == 50


def test_what_does_not_fit_has_its_numbers_and_a_gap_tells_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE", 3)
    taken, bodies, publisher = through([event(n) for n in range(5)])
    assert taken == [True] * 3 + [False] * 2
    assert [b["seq"] for b in bodies] == [1, 2, 3, 6]
    assert bodies[-1]["type"] == "vedette.gap"
    assert bodies[-1]["data"].items() >= {"from": 4, "to": 5, "count": 2, "cause": "overload"}.items()
    assert publisher.counters.missed == {"overload": 2}


def test_beyond_the_bound_of_pixels_events_go_without_their_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_PIXELS", 2 * 20 * 20 * 3)
    _, bodies, publisher = through([event(n, picture=True) for n in range(4)])
    assert ["snapshot" in b["data"] for b in bodies] == [True, True, False, False]
    assert publisher.counters.missed == {"snapshots": 2}


def test_a_stop_in_a_hurry_takes_no_time_for_pictures() -> None:
    _, bodies, publisher = through([event(1, picture=True)], timeout=0.0)
    assert "snapshot" not in bodies[0]["data"]
    assert publisher.counters.missed == {"snapshots": 1}
