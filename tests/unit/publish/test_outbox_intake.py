"""What waits for the outbox's thread, and what wakes it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.publish.events import Event
from agent.publish.jpeg import Picture
from agent.publish.outbox import intake as module
from agent.publish.outbox.intake import Intake, Work

if TYPE_CHECKING:
    from collections.abc import Callable


def event(n: int, *, picture: bool = False) -> Event:
    pixels = Picture(np.zeros((20, 20, 3), np.uint8)) if picture else None
    return Event("vedette.test", time.time(), synced=True, data={"n": n}, picture=pixels)


def test_pictures_that_were_taken_make_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_PIXELS", 20 * 20 * 3)
    monkeypatch.setattr(module, "REST_S", 0.0)
    intake = Intake()
    for n in range(3):
        intake.put(event(n, picture=True))
        ((_, taken),) = intake.take(0).events
        assert taken.picture is not None


def test_what_did_not_fit_is_told_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE", 3)
    monkeypatch.setattr(module, "BATCH", 2)
    monkeypatch.setattr(module, "REST_S", 0.0)
    intake = Intake()
    for n in range(5):
        intake.put(event(n))
    assert [(len(work.events), work.skipped) for work in (intake.take(0), intake.take(0), intake.take(0))] == [
        (2, 0),
        (1, 2),
        (0, 0),
    ]


def test_what_did_not_fit_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE", 2)
    monkeypatch.setattr(module, "BATCH", 1)
    monkeypatch.setattr(module, "REST_S", 0.0)
    intake = Intake()
    for n in range(5):
        intake.put(event(n))
    skipped = []
    for n in range(4):
        work = intake.take(0)
        skipped += [before for before, _ in work.events] + [work.skipped]
        intake.put(event(5 + n))
    assert skipped == [0, 0, 0, 0, 3, 0, 0, 0]


def test_where_nothing_comes_the_thread_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REST_S", 0.0)
    intake = Intake()
    intake.wake()
    intake.take(0)
    began = time.monotonic()
    intake.take(0.1)
    intake.take(0.1)
    assert time.monotonic() - began >= 0.19


def taking(intake: Intake) -> tuple[threading.Thread, list[Work]]:
    """As the outbox's thread does it, for much longer than a test lasts."""
    taken: list[Work] = []
    thread = threading.Thread(target=lambda: taken.append(intake.take(60)), daemon=True)
    thread.start()
    return thread, taken


@pytest.mark.parametrize(
    "wake",
    [
        lambda intake: intake.put(event(1)),
        lambda intake: intake.replay(1, 2),
        lambda intake: intake.wake(),
        lambda intake: intake.close(),
    ],
    ids=["event", "replay", "answers", "end"],
)
@pytest.mark.parametrize("before", [False, True])
def test_whoever_waits_is_woken(wake: Callable[[Intake], object], before: bool) -> None:
    intake = Intake()
    if before:
        wake(intake)
    thread, taken = taking(intake)
    if not before:
        time.sleep(0.02)
        wake(intake)
    thread.join(10)
    assert taken


@pytest.mark.parametrize(
    "press",
    [lambda intake: intake.put(event(3)), lambda intake: intake.wake(pressing=True), lambda intake: intake.close()],
    ids=["many events", "somebody waits", "end"],
)
def test_between_two_takes_events_gather_until_something_presses(
    monkeypatch: pytest.MonkeyPatch, press: Callable[[Intake], object]
) -> None:
    monkeypatch.setattr(module, "REST_S", 60.0)
    monkeypatch.setattr(module, "BATCH", 3)
    intake = Intake()
    intake.wake()
    intake.take(0)
    thread, taken = taking(intake)
    for n in (1, 2):
        intake.put(event(n))
        time.sleep(0.02)
    assert not taken
    press(intake)
    thread.join(10)
    assert len(taken[0].events) >= 2
    intake.put(event(4))
    intake.wake(pressing=True)
    thread, taken = taking(intake)
    thread.join(10)
    assert taken, "who pressed before is not made to wait either"
