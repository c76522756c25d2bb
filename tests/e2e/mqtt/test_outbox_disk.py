"""What subscribers hear of events whose outbox was left by a run before, or whose disk comes late."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from agent.config.model import OutboxConfig
from agent.publish.events import Event
from agent.publish.outbox import Outbox
from agent.publish.outbox.opening import FILE
from tests.support.audience import DEVICE, TOPICS, Audience
from tests.support.brokers import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.publish.mqtt import Publisher
    from tests.support.brokers import BrokerProcess

    Listen = Callable[[BrokerProcess], Audience]
    Publish = Callable[..., Publisher]

DAY = 86400.0

pytestmark = [pytest.mark.made_up, pytest.mark.rooted]


def event(n: int) -> Event:
    return Event("vedette.test", time.time(), synced=True, data={"n": n})


def heard(audience: Audience) -> dict[int, dict[str, Any]]:
    bodies = [json.loads(m.payload) for m in audience.messages if m.topic == TOPICS.events]
    return {body["data"]["n"]: body for body in bodies}


def leave(folder: Path, publisher: Publisher, numbers: range, *, age: float) -> None:
    """A run without a broker; then the machine is off. age: of the outbox, of which its events are the last hour."""
    box = Outbox(OutboxConfig(), DEVICE, TOPICS, publisher, folder)
    box.start()
    for n in numbers:
        box.put(event(n))
    box.finish(5)
    box.stop(5)
    with closing(sqlite3.connect(folder / FILE)) as database, database:
        database.execute("UPDATE meta SET value = 'another boot' WHERE key = 'boot'")
        database.execute("UPDATE meta SET value = ? WHERE key = 'age'", (age,))
        database.execute("UPDATE events SET born = ?", (age + 3.0,))  # the power went before it was noted again


def test_what_a_run_before_left_is_historical_after_a_reboot_too(
    mosquitto: BrokerProcess, listen: Listen, publisher: Publish, tmp_path: Path
) -> None:
    leave(tmp_path, publisher(free_port()), range(3), age=30 * DAY)
    audience = listen(mosquitto)
    device = publisher(mosquitto.port)
    box = Outbox(OutboxConfig(), DEVICE, TOPICS, device, tmp_path)
    box.start()
    box.put(event(3))
    wait_for(lambda: len(heard(audience)) == 4)
    box.stop(5)
    assert [heard(audience)[n]["historical"] for n in range(4)] == [True, True, True, False]


def test_a_disk_that_comes_late_brings_old_events_as_old_and_costs_none_in_memory(
    mosquitto: BrokerProcess, listen: Listen, publisher: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker stands still while the file is opened, so that what is in memory is on its way."""
    folder, away = tmp_path / "state", tmp_path / "away"
    folder.mkdir()
    leave(folder, publisher(free_port()), range(3), age=30 * DAY)
    with closing(sqlite3.connect(folder / FILE)) as database, database:
        database.execute("INSERT OR REPLACE INTO meta VALUES ('answered', 2)")
    folder.rename(away)
    monkeypatch.setattr("agent.publish.outbox.journal.RETRY_S", 0.0)
    audience = listen(mosquitto)
    device = publisher(mosquitto.port)
    box = Outbox(OutboxConfig(), DEVICE, TOPICS, device, folder)
    box.start()
    wait_for(lambda: device.connected)
    box.put(event(3))
    wait_for(lambda: 3 in heard(audience))
    wait_for(lambda: box.health().depth == 0)
    mosquitto.freeze()
    try:
        box.put(event(4))
        wait_for(lambda: device._ledger.events.flying == 1)
        away.rename(folder)
        box.put(event(5))
        wait_for(lambda: not box.faults())
    finally:
        mosquitto.thaw()
    wait_for(lambda: {2, 5} <= set(heard(audience)))
    wait_for(lambda: box.health().depth == 0)
    box.stop(5)
    assert {n: body["historical"] for n, body in heard(audience).items()} == {2: True, 3: False, 4: False, 5: False}
    with closing(sqlite3.connect(folder / FILE)) as database:
        [(age,)] = database.execute("SELECT value FROM meta WHERE key = 'age'")
    assert age >= 30 * DAY
