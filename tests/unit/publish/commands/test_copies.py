"""A command that comes twice, in one run and over a restart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from agent.publish.commands.copies import FILE, KEPT_S, LARGEST, MOST, Copies

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_what_was_answered_is_known_for_a_while(tmp_path: Path) -> None:
    clock = Clock()
    copies = Copies(tmp_path, steady=clock)
    assert copies.find("a") is None
    copies.begin("a", lasting=False)
    known = copies.find("a")
    assert known is not None
    assert known.answer is None
    copies.answered("a", b"done")
    assert known.answer == b"done"
    clock.now += KEPT_S + 1
    assert copies.find("a") is None


def test_what_changes_something_is_on_the_disk_before_it_is_done(tmp_path: Path) -> None:
    Copies(tmp_path).begin("a", lasting=True)
    after = Copies(tmp_path).find("a")
    assert after is not None
    assert (after.before, after.answer) == (True, None)


def test_answers_outlive_a_restart(tmp_path: Path) -> None:
    copies = Copies(tmp_path)
    copies.begin("a", lasting=True)
    copies.answered("a", b"\xff done")
    copies.begin("b", lasting=False)
    copies.answered("b", b"done")
    again = Copies(tmp_path)
    known = again.find("a")
    assert known is not None
    assert known.answer == b"\xff done"
    assert again.find("b") is None


def test_there_is_a_bound(tmp_path: Path) -> None:
    copies = Copies(tmp_path)
    for n in range(MOST + 1):
        copies.begin(str(n), lasting=False)
    assert copies.find("0") is None
    assert copies.find(str(MOST)) is not None
    copies.answered("1", bytes(LARGEST + 1))
    assert copies.find("1") is None


@pytest.mark.parametrize("step", [-86400.0, 2 * 3600.0])
def test_a_step_of_the_clock_makes_nothing_new(tmp_path: Path, step: float) -> None:
    """As when NTP answers, after a start without a clock that goes on while the machine is off."""
    wall, steady = Clock(), Clock()
    copies = Copies(tmp_path, wall, steady)
    copies.begin("a", lasting=True)
    wall.now += step
    assert copies.find("a") is not None
    copies.begin("b", lasting=True)
    again = Copies(tmp_path, wall, Clock())
    assert again.find("a") is not None
    wall.now -= step
    assert again.find("a") is not None


def test_after_a_restart_what_is_old_is_new_again(tmp_path: Path) -> None:
    wall, steady = Clock(), Clock()
    Copies(tmp_path, wall).begin("a", lasting=True)
    wall.now += KEPT_S - 1
    copies = Copies(tmp_path, wall, steady)
    assert copies.find("a") is not None
    steady.now += 2
    assert copies.find("a") is None
    wall.now += 2
    assert Copies(tmp_path, wall).find("a") is None


def test_commands_that_only_read_push_out_none_that_changes_something(tmp_path: Path) -> None:
    copies = Copies(tmp_path)
    copies.begin("restart", lasting=True)
    for n in range(2 * MOST):
        copies.begin(str(n), lasting=False)
    assert copies.find("restart") is not None
    for n in range(MOST):
        copies.begin(f"set {n}", lasting=True)
    assert copies.find("restart") is None
    assert copies.find(f"set {MOST - 1}") is not None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"commands": [{"key": 1}]}', "\ud7ff"])
def test_an_unreadable_file_is_told_of_and_does_no_harm(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_text(text)
    copies = Copies(tmp_path)
    assert "cannot read" in caplog.text
    copies.begin("a", lasting=True)
    assert json.loads((tmp_path / FILE).read_text())["commands"][0]["key"] == "a"


def test_a_disk_that_fails_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    copies = Copies(tmp_path / "missing")
    copies.begin("a", lasting=True)
    copies.begin("b", lasting=True)
    assert caplog.text.count("cannot write") == 1
    assert copies.find("a") is not None
