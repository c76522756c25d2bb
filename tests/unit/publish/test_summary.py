"""What a device tells of itself to those who look at many: seldom, and at once where it matters."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from agent.publish.message import Message
from agent.publish.payloads import CameraHealth, OutboxHealth
from agent.publish.summary import EVERY_S, FIGURES_BURST, FIGURES_S, Summary
from tests.support.contract import violation
from tests.support.simulated import CAMERA, Simulated

HEALTH = Simulated(1).health()
HOT = {"code": "thermal", "subject": "device", "severity": "warning", "text": "81 degrees"}


def at_rate(fps: float, status: Any = "online") -> Any:
    return replace(HEALTH, cameras={CAMERA: CameraHealth(status, 0.1, 0.1, fps, 1.0, {})})


def backlog(depth: int) -> Any:
    return replace(HEALTH, outbox=OutboxHealth(depth, 1.0, depth * 900))


def told(*steps: Any, seconds: float = EVERY_S) -> list[Any]:
    """What is told of one health after the other."""
    summary = Summary()
    payloads = [summary.take(health, n * seconds) for n, health in enumerate(steps)]
    return [payload and json.loads(payload) for payload in payloads]


def test_it_is_as_described() -> None:
    for health in (HEALTH, replace(HEALTH, outbox=None, alerts=[HOT], cameras={}, engines={})):
        payload = Summary().take(health, 0.0)
        assert payload is not None
        assert violation(Message("vedette/1/gate/summary", payload, 1, True, None, 0.0)) is None


def test_what_stays_is_told_once() -> None:
    assert [said is not None for said in told(HEALTH, HEALTH, replace(HEALTH, at=1e9, uptime=1.0, rss=1))] == [
        True,
        False,
        False,
    ]


def test_a_state_is_told_at_once() -> None:
    found = told(
        at_rate(15.0),
        at_rate(15.0, "stalled"),
        replace(HEALTH, alerts=[HOT]),
        replace(HEALTH, alerts=[HOT], boot_id="new"),
    )
    assert found[1]["cameras"] == {CAMERA: {"status": "stalled", "fps": 15.0}}
    assert found[2]["alerts"] == [{"code": "thermal", "subject": "device", "severity": "warning"}]
    assert found[3]["boot_id"] == "new"


def test_a_rate_is_told_when_it_is_far_from_what_was_told() -> None:
    found = told(at_rate(15.0), at_rate(17.9), at_rate(12.1), at_rate(18.0), at_rate(15.0))
    assert [said and said["cameras"][CAMERA]["fps"] for said in found] == [15.0, None, None, 18.0, None]
    assert [said is not None for said in told(at_rate(0.4), at_rate(1.3), at_rate(1.5))] == [True, False, True]


def test_a_rate_that_leaps_all_the_time_is_told_once_a_minute() -> None:
    minutes = 10
    steps = [at_rate(5.0 + 20.0 * (n % 2)) for n in range(int(minutes * 60 / EVERY_S))]
    said = sum(found is not None for found in told(*steps))
    assert minutes * 60 / FIGURES_S - 1 <= said - FIGURES_BURST <= minutes * 60 / FIGURES_S + 1


def test_a_backlog_is_told_by_its_size_and_events_that_pass_are_not() -> None:
    found = told(*map(backlog, (0, 1, 99, 100, 500, 12_000, 70_000, 800, 3)), seconds=FIGURES_S)
    depths = [said and said["outbox"]["depth"] for said in found]
    assert depths == [0, None, None, 100, None, 12_000, None, 800, 3]


def test_a_backlog_that_comes_and_goes_is_told_once_a_minute() -> None:
    minutes = 10
    steps = [backlog(95 + 10 * (n % 2)) for n in range(int(minutes * 60 / EVERY_S))]
    said = sum(found is not None for found in told(*steps))
    assert said <= 1 + FIGURES_BURST + minutes * 60 / FIGURES_S
