"""The queue before the outbox's thread, with a publisher that has no broker: what it would send is in its line."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from agent.config.model import MqttConfig, OutboxConfig
from agent.publish.events import Event
from agent.publish.jpeg import Picture
from agent.publish.mqtt import Publisher
from agent.publish.outbox import Outbox
from agent.publish.outbox import intake as module
from agent.publish.outbox.encoder import Encoder
from agent.publish.outbox.opening import FILE
from agent.publish.outbox.send_window import ROWS, SendWindow
from agent.publish.outbox.store import Store
from agent.publish.payloads import OutboxHealth
from agent.publish.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TOPICS = Topics("", "gate-pi")


def event(n: int, *, picture: bool = False) -> Event:
    pixels = Picture(np.zeros((20, 20, 3), np.uint8)) if picture else None
    return Event("vedette.test", time.time(), synced=True, data={"n": n}, picture=pixels)


class Made(NamedTuple):
    """What was taken, what is to be sent, in order, and how many will never come."""

    taken: list[bool]
    bodies: list[dict[str, Any]]
    missed: dict[str, int]


def through(folder: Path, events: Sequence[Event], *, timeout: float = 5.0) -> Made:
    """Offered and stopped before the thread runs, then worded and kept."""
    outbox = Outbox(OutboxConfig(), "gate-pi", TOPICS, Publisher(MqttConfig(), "gate-pi"), folder)
    taken = [outbox.put(each) for each in events]
    outbox.finish(timeout)
    outbox.stop(0)
    outbox.start()
    outbox._thread.join(5)
    assert not outbox._thread.is_alive()
    store = Store(folder / FILE, "crash")
    bodies = [json.loads(row.body) for row in store.waiting(0, 10_000, 1 << 30)]
    store.close()
    return Made(taken, bodies, outbox.missed())


def test_events_are_numbered_in_the_order_of_put(tmp_path: Path) -> None:
    bodies = through(tmp_path, [event(n) for n in range(50)]).bodies
    assert [(b["seq"], b["data"]["n"]) for b in bodies] == [(n + 1, n) for n in range(50)]
    assert len({b["epoch"] for b in bodies}) == 1


def test_an_outbox_goes_on_where_the_one_before_ended(tmp_path: Path) -> None:
    first = through(tmp_path, [event(n) for n in range(3)]).bodies
    bodies = through(tmp_path, [event(n) for n in range(3, 5)]).bodies
    assert bodies[:3] == first
    assert [(b["seq"], b["data"]["n"]) for b in bodies] == [(n + 1, n) for n in range(5)]
    assert len({b["epoch"] for b in bodies}) == 1


def test_outboxes_of_different_places_never_share_an_epoch(tmp_path: Path) -> None:
    folders = [tmp_path / str(n) for n in range(20)]
    for folder in folders:
        folder.mkdir()
    assert len({through(folder, [event(0)]).bodies[0]["epoch"] for folder in folders}) == 20


def test_what_does_not_fit_has_its_numbers_and_a_gap_tells_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE", 3)
    taken, bodies, missed = through(tmp_path, [event(n) for n in range(5)])
    assert taken == [True] * 3 + [False] * 2
    assert [b["seq"] for b in bodies] == [1, 2, 3, 6]
    assert bodies[-1]["type"] == "vedette.gap"
    assert bodies[-1]["data"].items() >= {"from": 4, "to": 5, "count": 2, "cause": "overload"}.items()
    assert missed == {"overload": 2}


def test_beyond_the_bound_of_pixels_events_go_without_their_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUEUE_PIXELS", 2 * 20 * 20 * 3)
    _, bodies, missed = through(tmp_path, [event(n, picture=True) for n in range(4)])
    assert ["snapshot" in b["data"] for b in bodies] == [True, True, False, False]
    assert missed == {"snapshots": 2}


def test_a_picture_that_cannot_be_encoded_costs_no_event(tmp_path: Path) -> None:
    nothing = Picture(np.zeros((0, 0, 3), np.uint8))
    _, bodies, missed = through(tmp_path, [replace(event(n), picture=nothing) for n in range(3)])
    assert [b["data"]["n"] for b in bodies] == [0, 1, 2]
    assert not any("snapshot" in b["data"] for b in bodies)
    assert missed == {"snapshots": 3}


def test_an_events_picture_is_its_cameras_latest_too() -> None:
    shown: dict[str, bytes] = {}
    wording = Encoder("gate-pi", TOPICS, shown.__setitem__)
    row = wording.row(replace(event(1, picture=True), camera="gate"), 1, "3c9e", 7, 0.0)
    assert row is not None
    assert row.picture is not None
    assert shown == {TOPICS.camera_snapshot("gate"): row.picture}
    assert json.loads(row.body)["data"]["snapshot"]["sha256"] == hashlib.sha256(row.picture).hexdigest()
    assert row.picture_topic == TOPICS.snapshot("3c9e-7")


def test_a_stop_in_a_hurry_takes_no_time_for_pictures(tmp_path: Path) -> None:
    _, bodies, missed = through(tmp_path, [event(1, picture=True)], timeout=0.0)
    assert "snapshot" not in bodies[0]["data"]
    assert missed == {"snapshots": 1}


def turn(outbox: Outbox) -> None:
    outbox._turn(outbox._intake.take(0))


def connected(publisher: Publisher) -> SendWindow:
    """As if the broker had answered; nobody reads what is sent."""
    publisher._announced = True
    publisher._ledger.events.open()
    return publisher._ledger.events


def test_only_a_picture_that_went_out_is_tried_less_often_and_its_end_is_counted(tmp_path: Path) -> None:
    publisher = Publisher(MqttConfig(), "gate-pi")
    outbox = Outbox(OutboxConfig(), "gate-pi", TOPICS, publisher, tmp_path)
    for n in range(3):
        outbox.put(event(n, picture=True))
    sent = []
    for mid in range(6):
        line = connected(publisher)
        turn(outbox)
        departure = line.take(time.monotonic(), 20)
        assert departure is not None
        sent.append((departure.row.n, departure.picture))
        line.sent(mid, departure, 0.0)
        line.lost()
    line = connected(publisher)
    turn(outbox)
    left = [(row.n, row.picture is not None) for row in line._waiting]
    outbox._journal.close()
    assert sent == [(1, True)] * 3 + [(1, False)] * 3
    assert left == [(1, False), (2, True), (3, True)]
    assert outbox.missed() == {"snapshots": 1}


def test_replays_are_bounded_those_under_way_too(tmp_path: Path) -> None:
    publisher = Publisher(MqttConfig(), "gate-pi")
    outbox = Outbox(OutboxConfig(), "gate-pi", TOPICS, publisher, tmp_path)
    turn(outbox)
    for _ in range(5):
        assert outbox.replay(1, 100)
    turn(outbox)
    assert [outbox.replay(1, 100) for _ in range(5)] == [True] * 3 + [False] * 2
    connected(publisher)
    turn(outbox)
    assert outbox.replay(1, 100), "there was nothing to be sent, so all are through"
    outbox._journal.close()


def answered(line: SendWindow, most: int) -> list[int]:
    """The numbers of the rows that are sent and answered at once."""
    numbers = []
    while len(numbers) < most and (departure := line.take(time.monotonic(), 20)) is not None:
        line.sent(departure.row.n, departure, 0.0)
        line.answered(departure.row.n)
        numbers.append(departure.row.seq)
    return numbers


def test_more_is_sent_as_answers_are_kept_and_what_was_asked_for_again_comes_last(tmp_path: Path) -> None:
    publisher = Publisher(MqttConfig(), "gate-pi")
    outbox = Outbox(OutboxConfig(), "gate-pi", TOPICS, publisher, tmp_path)
    line = connected(publisher)
    for n in range(100):
        outbox.put(event(n))
    sent: list[int] = []
    for _ in range(10):
        turn(outbox)
        sent += answered(line, 1000)
        outbox.wake(line.crowded)
    outbox.replay(20, 60)
    outbox.replay(5, 6)
    turn(outbox)
    again = [(row.seq, row.again, row.late) for row in line._waiting]
    outbox._journal.close()
    assert sent == list(range(1, 101))
    assert again == [(seq, True, True) for seq in (*range(20, 61), 5, 6)]


def test_an_answer_alone_is_brought_to_the_disk_only_when_somebody_waits_for_it(tmp_path: Path) -> None:
    """Else with the next event, or within KEEP_EVERY_S: it would come twice after a crash, and no more."""
    publisher = Publisher(MqttConfig(), "gate-pi")
    outbox = Outbox(OutboxConfig(), "gate-pi", TOPICS, publisher, tmp_path)
    line = connected(publisher)
    store = outbox._journal._store
    assert store is not None
    kept = []
    for asked in (lambda: outbox.put(event(9)), lambda: outbox.replay(1, 1), lambda: outbox.wake(pressing=True)):
        outbox.put(event(1))
        turn(outbox)
        n = answered(line, 1)[-1]
        outbox.wake(pressing=False)
        turn(outbox)
        assert (outbox.health().depth, store.answered) == (0, n - 1)
        asked()
        turn(outbox)
        kept.append(store.answered == n)
        answered(line, 9)
        outbox.wake(pressing=True)
        turn(outbox)
    outbox.put(event(1))
    turn(outbox)
    answered(line, 1)
    turn(outbox)
    outbox._kept_at = 0.0
    turn(outbox)
    kept.append(store.answered == outbox._journal.last)
    outbox._journal.close()
    assert kept == [True] * 4


def test_only_who_has_more_is_woken_for_an_answer(tmp_path: Path) -> None:
    publisher = Publisher(MqttConfig(), "gate-pi")
    outbox = Outbox(OutboxConfig(), "gate-pi", TOPICS, publisher, tmp_path)
    line = connected(publisher)
    outbox.put(event(1))
    turn(outbox)
    assert not line.short
    for n in range(ROWS + 50):
        outbox.put(event(n))
    for _ in range(5):
        turn(outbox)
    assert line.short
    while answered(line, 20):
        outbox.wake(pressing=True)
        turn(outbox)
    assert not line.short
    outbox._journal.close()


def test_an_event_expires_by_its_own_age(tmp_path: Path) -> None:
    publisher = Publisher(MqttConfig(), "gate-pi")
    outbox = Outbox(OutboxConfig(max_age=600.0), "gate-pi", TOPICS, publisher, tmp_path)
    line = connected(publisher)
    outbox.put(replace(event(1), happened=time.monotonic() - 100))
    turn(outbox)
    (row,) = line._waiting
    outbox._journal.close()
    assert row.expires - time.monotonic() == pytest.approx(500, abs=5)


def test_health_tells_what_waits(tmp_path: Path) -> None:
    publisher = Publisher(MqttConfig(), "gate-pi")
    outbox = Outbox(OutboxConfig(), "gate-pi", TOPICS, publisher, tmp_path)
    for n in range(3):
        outbox.put(replace(event(n), happened=time.monotonic() - 50))
    turn(outbox)
    waits = outbox.health()
    line = connected(publisher)
    for _ in range(2):
        turn(outbox)
        answered(line, 10)
    turn(outbox)
    outbox._journal.close()
    assert (waits.depth, waits.age) == (3, pytest.approx(50, abs=5))
    assert waits.bytes > 300
    assert outbox.health() == OutboxHealth(0, None, 0)


def test_answers_wake_the_outbox(tmp_path: Path) -> None:
    publisher = Publisher(MqttConfig(), "gate-pi")
    outbox = Outbox(OutboxConfig(), "gate-pi", TOPICS, publisher, tmp_path)
    thread = threading.Thread(target=outbox._intake.take, args=(60,), daemon=True)
    thread.start()
    publisher.on_events(True)
    thread.join(10)
    outbox._journal.close()
    assert not thread.is_alive()


def test_while_nothing_happens_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write wears a memory card."""
    outbox = Outbox(OutboxConfig(), "gate-pi", TOPICS, Publisher(MqttConfig(), "gate-pi"), tmp_path)
    writes: list[None] = []
    write = outbox._journal.write
    monkeypatch.setattr(outbox._journal, "write", lambda *given: writes.append(None) or write(*given))
    for _ in range(5):
        turn(outbox)
    outbox._journal.close()
    assert len(writes) == 1


def test_a_stop_returns_once_all_is_on_the_disk_and_leaves_it_clean(tmp_path: Path) -> None:
    outbox = Outbox(OutboxConfig(), "gate-pi", TOPICS, Publisher(MqttConfig(), "gate-pi"), tmp_path)
    outbox.start()
    for n in range(500):
        outbox.put(event(n))
    outbox.finish(10)
    with closing(Store(tmp_path / FILE, "crash")) as store:
        assert len(store.waiting(0, 1000, 1 << 30)) == 500
    outbox.stop(10)
    with closing(Store(tmp_path / FILE, "crash")) as store:
        assert store.meta["clean"] == 1


def test_what_is_missed_may_be_read_while_another_cause_comes(tmp_path: Path) -> None:
    """The main thread asks, while the outbox's counts; here in the middle of the sum, without a thread."""

    class Counts(int):
        def __add__(self, other: int) -> int:
            outbox._journal.missed["expired"] += 1
            return int(self) + other

    outbox = Outbox(OutboxConfig(), "gate-pi", TOPICS, Publisher(MqttConfig(), "gate-pi"), tmp_path)
    outbox._journal.missed["overload"] = Counts(2)
    outbox._journal.missed["snapshots"] = 1
    outbox._journal.close()
    assert outbox.missed() == {"overload": 2, "snapshots": 1}
