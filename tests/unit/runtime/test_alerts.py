"""When an alert is raised and cleared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agent.runtime.alerts import CLEAR_AFTER, RAISE_AFTER, SETTLED_S, Alerts
from agent.runtime.raised import FILE, Fault, Raised, Subject

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

WHO = Subject("engine-degraded", "openvino-person")
FAULT = Fault("warning", "edgetpu-person: no answer for 1 s", "see vedette backends")


class Board:
    def __init__(self, folder: Path | None = None) -> None:
        self.said: list[tuple[Subject, bytes]] = []
        memory = Raised(folder) if folder is not None else None
        self.alerts = Alerts(lambda alert: self.said.append((alert.subject, alert.payload())), memory)


def test_a_fault_that_lasts_is_raised_once_and_cleared_when_it_has_been_gone_for_a_while() -> None:
    board = Board()
    for now in range(10):
        board.alerts.update(now, {WHO: FAULT})
    ((who, payload),) = board.said
    assert who == WHO
    body = json.loads(payload)
    assert (body["severity"], body["text"], body["hint"]) == (FAULT.severity, FAULT.text, FAULT.hint)
    assert board.alerts.raised == {WHO: FAULT}
    board.alerts.update(9 + CLEAR_AFTER - 0.1, {})
    assert len(board.said) == 1
    board.alerts.update(9 + CLEAR_AFTER, {})
    assert board.said[1:] == [(WHO, b"")]
    assert not board.alerts.raised


def test_a_short_one_is_nobodys_business() -> None:
    board = Board()
    for blip in (0.0, 100.0):
        board.alerts.update(blip, {WHO: FAULT})
        board.alerts.update(blip + RAISE_AFTER / 2, {})
        board.alerts.update(blip + CLEAR_AFTER + 1, {})
    assert board.said == []


def test_one_that_comes_and_goes_stays_raised() -> None:
    board = Board()
    for now in range(30):
        board.alerts.update(now, {WHO: FAULT} if now % 4 < 2 else {})
    assert len(board.said) == 1


def test_another_cause_is_told_with_the_time_of_the_first() -> None:
    board = Board()
    for now in range(4):
        board.alerts.update(now, {WHO: FAULT})
    board.alerts.update(4, {WHO: Fault("error", "worse", "")})
    first, second = (json.loads(payload) for _, payload in board.said)
    assert second["text"] == "worse"
    assert first["since"] == second["since"]


def test_what_is_raised_may_be_read_while_another_alert_comes() -> None:
    """As by Prometheus' thread; the other one is raised in the middle of the reading, without a thread."""

    class Reads(Fault):
        def __bool__(self) -> bool:
            board.alerts.update(RAISE_AFTER, {Subject("camera-offline", "gate"): FAULT, WHO: self})
            return True

    board = Board()
    read = Reads("error", "", "")
    for now in (0.0, RAISE_AFTER):
        board.alerts.update(now, {WHO: read})
    assert board.alerts.raised == {WHO: read}


def test_what_ends_between_two_runs_is_told_to_be_over(tmp_path: Path) -> None:
    other = Subject("camera-offline", "yard")
    first = Board(tmp_path)
    for now in range(3):
        first.alerts.update(now, {WHO: FAULT, other: FAULT})
    since = json.loads(first.said[0][1])["since"]

    short = Board(tmp_path)
    short.alerts.update(0, {})
    assert not short.said, "too early to know"

    second = Board(tmp_path)
    for now in range(int(SETTLED_S) + 2):
        second.alerts.update(now, {WHO: FAULT} if now > 5 else {})
    (raised, again), over = second.said
    assert (raised, json.loads(again)["since"]) == (WHO, since), "it goes on"
    assert over == (other, b"")
    for now in range(20, 30):
        second.alerts.update(now, {})
    assert second.said[2:] == [(WHO, b"")]

    third = Board(tmp_path)
    for now in range(30):
        third.alerts.update(now, {})
    assert third.said == []


def test_one_that_comes_late_in_the_next_run_is_told_once(tmp_path: Path) -> None:
    first = Board(tmp_path)
    for now in range(3):
        first.alerts.update(now, {WHO: FAULT})
    second = Board(tmp_path)
    for tenth in range(300):
        second.alerts.update(tenth / 10, {WHO: FAULT} if 140 <= tenth < 152 else {})
    assert second.said == [(WHO, b"")], "it was seen for too short a time to be raised, and is over"


def test_a_memory_that_cannot_be_read_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE).write_text('{"alerts": [1]}')
    board = Board(tmp_path)
    for now in range(30):
        board.alerts.update(now, {})
    assert board.said == []
    assert "cannot read" in caplog.text
