"""What a scene says of what nobody has looked at lately."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.perception.facts import Count, Occupancy
from agent.perception.settings import Settings
from tests.unit.perception.test_scene import PERSON, ROOM, SIZE, Stage, person

if TYPE_CHECKING:
    from agent.perception.facts import Facts


def standing() -> Stage:
    stage = Stage(zones=ROOM)
    for _ in range(5):
        stage.scene.wants(stage.now, None, SIZE, (300, 300))
        stage.look(person(0.8))
    return stage


def ends(facts: Facts | None) -> list[tuple[str, bool]]:
    assert facts is not None
    return [(h.kind, h.track.stale) for h in facts.happenings]


def test_who_was_there_when_a_camera_went_away_for_good_ends_as_stale() -> None:
    stage = standing()
    for second in (10, 310):
        facts = stage.scene.idle(stage.now.monotonic + second, 1e9 + second)
    assert ends(facts) == [("zone.left", True), ("track.ended", True)]


@pytest.mark.parametrize("stale", [True, False])
def test_what_is_stopped_while_nobody_can_look_is_told_as_stale(stale: bool) -> None:
    for stop in (lambda scene: scene.stop(1e9), lambda scene: scene.change(1e9, Settings({1: PERSON}))):
        stage = standing()
        if stale:
            stage.scene.idle(stage.now.monotonic + 10, 1e9)
        assert ends(stop(stage.scene)) == [("zone.left", stale), ("track.ended", stale)]


def test_what_a_look_after_a_silence_ends_is_not_stale() -> None:
    stage = standing()
    stage.scene.idle(stage.now.monotonic + 10, 1e9)
    stage.n += 100
    told = [end for _ in range(10) for end in ends(stage.look())]
    assert [end for end in told if end[0] != "track.updated"] == [("zone.left", False), ("track.ended", False)]


@pytest.mark.parametrize("reason", ["stopped", "camera_offline_timeout"])
def test_who_stands_there_still_when_looks_begin_again_is_never_counted_as_nobody(reason: str) -> None:
    stage = standing()
    if reason == "stopped":
        stage.keep(stage.scene.stop(1e9 + 2))
    else:
        for second in (10, 310):
            stage.keep(stage.scene.idle(stage.now.monotonic + second, 1e9 + second))
    stage.n, stage.counts = 2000, []
    for _ in range(5):
        stage.look(person(0.8))
    assert [(c.zone, c.count, c.stale) for c in stage.counts if isinstance(c, Count) and c.class_id is None] == [
        ("", 1, False),
        ("right", 1, False),
    ]


def test_a_place_becomes_vacant_though_nothing_moves_and_nobody_looks() -> None:
    stage = Stage(zones=ROOM, gate=True, told=frozenset({0}))
    occupied: dict[tuple[str, int | None], bool] = {}
    looks = []
    for n in range(100):
        facts: Facts | None
        if stage.scene.wants(stage.now, [], SIZE, (300, 300)):
            facts = stage.look(*([person(0.8)] if n < 10 else []))
            looks.append(n)
        else:
            stage.n += 1
            facts = stage.scene.idle(stage.now.monotonic, stage.now.captured_at)
        if facts is not None:
            occupied |= {(c.zone, c.class_id): c.occupied for c in facts.counts if isinstance(c, Occupancy)}
        if n == 9:
            assert occupied == {("", None): True, ("", 0): True, ("right", None): True, ("right", 0): True}
    assert len(looks) < 30
    assert occupied == {("", None): False, ("", 0): False, ("right", None): False, ("right", 0): False}
