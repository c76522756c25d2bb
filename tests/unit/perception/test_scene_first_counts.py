"""What a scene counts first: not before it can know, and what was counted before at once."""

from __future__ import annotations

import pytest

from agent.perception.facts import Count, LineCount, Occupancy
from agent.perception.scene import Scene
from agent.perception.settings import Settings
from tests.unit.perception.test_scene import DOOR, PERSON, ROOM, SIZE, Stage, person


@pytest.mark.parametrize(
    ("looks", "counted"),
    [("10111", [1]), ("1010111", [1]), ("100111", [0, 1]), ("0111", [0, 1]), ("1" + "01" * 6, [0])],
)
def test_one_look_that_misses_somebody_does_not_make_the_first_count_zero(looks: str, counted: list[int]) -> None:
    stage = Stage(told=frozenset({0}), gate=True)
    for look in looks:
        assert stage.scene.wants(stage.now, [], SIZE, (300, 300)) or stage.counts
        stage.look(*([person(0.5)] if look == "1" else []))
    assert [count for count, _ in stage.count()] == counted


def test_what_a_line_has_counted_before_is_told_without_a_look() -> None:
    """As where the camera is switched off or cannot be reached: a broker that lost its retained values has no other."""
    stage = Stage(lines=DOOR, told=frozenset({0}))
    assert not stage.keep(stage.scene.idle(50.0, 1e9)).counts

    stage = Stage(lines=DOOR, told=frozenset({0}))
    stage.scene = Scene(Settings({0: PERSON}, lines=DOOR, told=frozenset({0})), totals={"door": {None: (4, 2, 1e8)}})
    stage.keep(stage.scene.stop(1e9))
    told = stage.keep(stage.scene.idle(50.0, 1e9)).counts
    assert told == (LineCount("door", None, 4, 2, 1e8, 1e9),)
    assert not stage.keep(stage.scene.idle(50.5, 1e9)).counts
    assert stage.look().counts[0] == LineCount("door", 0, 0, 0, stage.now.captured_at, stage.now.captured_at)


@pytest.mark.parametrize(("looks", "first"), [(2, []), (3, [1])])
def test_before_those_of_the_first_look_are_known_nobody_says_that_there_is_none(looks: int, first: list[int]) -> None:
    stage = Stage(told=frozenset({0}))
    for _ in range(looks):
        stage.look(person(0.5))
    assert [count for count, _ in stage.count()] == first


def test_who_stands_in_a_zone_at_the_start_is_counted_there_with_its_first_count() -> None:
    stage = Stage(zones=ROOM)
    for _ in range(6):
        stage.look(person(0.8))
    assert [c.count for c in stage.counts if isinstance(c, Count) and c.zone] == [1, 1]
    assert all(c.occupied for c in stage.counts if isinstance(c, Occupancy))


def test_one_who_is_never_confirmed_delays_the_first_count_by_two_seconds_at_most() -> None:
    stage = Stage(told=frozenset({0}))
    for n in range(20):
        stage.look(*([person(0.3 + 0.4 * (n % 2))] if n % 3 else []))
    assert stage.count()[0] == (0, False)
    assert min(c.at for c in stage.counts if isinstance(c, Count)) <= 1e9 + 2.5
