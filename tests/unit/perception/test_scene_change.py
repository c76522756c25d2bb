"""Other settings for a scene that runs: who is followed is followed on, and only what is gone ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.perception.facts import WHOLE, Box, Count, LineCount, Occupancy
from agent.perception.settings import LabelRule, Line, Settings, Zone
from tests.unit.perception.test_scene import DOOR, PERSON, ROOM, SIZE, Stage, person

LEFT = Zone("left", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
BASE = Settings({0: PERSON})


def standing(x: float = 0.8, looks: int = 8, **settings: object) -> Stage:
    stage = Stage(**settings)
    for _ in range(looks):
        stage.look(person(x))
    return stage


def change(stage: Stage, settings: Settings, totals: object = None) -> None:
    stage.keep(stage.scene.change(stage.now.captured_at, settings, totals))  # type: ignore[arg-type]


def test_a_new_zone_counts_who_is_there_and_the_track_lives_on() -> None:
    stage = standing()
    change(stage, replace(BASE, zones=ROOM))
    for _ in range(4):
        facts = stage.look(person(0.8))
    assert facts.track_ids == (1,)
    assert stage.told.count("track.started") == 1
    assert "track.ended" not in stage.told
    assert stage.told.count("zone.entered") == 1
    assert stage.count("right")[-1] == (1, False)


@pytest.mark.parametrize("redrawn", [True, False])
def test_a_new_zone_says_nothing_until_looks_have_shown_who_stands_in_it(redrawn: bool) -> None:
    """Nothing moves, so that the gate wants no look by itself."""
    stage = standing(looks=16, gate=True, told=frozenset({0}), zones=(replace(LEFT, id="right"),) if redrawn else ())
    stage.counts.clear()
    change(stage, Settings({0: PERSON}, gate=True, told=frozenset({0}), zones=ROOM))
    looks = 0
    for _ in range(10):
        stage.keep(stage.scene.idle(stage.now.monotonic, stage.now.captured_at))
        if stage.scene.wants(stage.now, [], SIZE, (300, 300)):
            stage.n -= 1
            stage.look(person(0.8))
            looks += 1
        stage.n += 1
    assert looks == 2
    assert stage.count("right") == [(1, False)]
    assert [c.occupied for c in stage.counts if isinstance(c, Occupancy) and c.zone == "right"] == [True, True]


def test_a_new_zone_where_nobody_is_says_so_with_one_look() -> None:
    stage = standing(gate=True)
    change(stage, Settings({0: PERSON}, gate=True, told=frozenset({0}), zones=(LEFT,)))
    assert stage.scene.wants(stage.now, [], SIZE, (300, 300))
    stage.look(person(0.8))
    assert stage.count("left") == [(0, False)]
    stage.n += 1
    assert not stage.scene.wants(stage.now, [], SIZE, (300, 300))


def test_a_zone_that_is_gone_was_left_and_is_not_counted_any_more() -> None:
    stage = standing(zones=ROOM)
    change(stage, BASE)
    assert stage.told[-1] == "zone.left"
    stage.counts.clear()
    for _ in range(4):
        stage.look(person(0.8))
    stage.look()
    assert not [count for count in stage.counts if isinstance(count, Count) and count.zone]
    assert "track.ended" not in stage.told


def test_a_zone_that_moves_is_left_by_hysteresis_and_not_by_the_edit() -> None:
    stage = standing(zones=ROOM)
    change(stage, replace(BASE, zones=(replace(LEFT, id="right"),)))
    assert "zone.left" not in stage.told
    for _ in range(6):
        stage.look(person(0.8))
    assert stage.told.count("zone.left") == 1
    assert stage.count("right")[-1] == (0, False)


def test_a_zone_that_does_not_count_a_label_any_more_is_left_by_it() -> None:
    stage = standing(zones=ROOM)
    change(stage, replace(BASE, zones=(replace(ROOM[0], class_ids=frozenset({1})),)))
    assert stage.told[-1] == "zone.left"


def test_a_label_that_is_not_wanted_any_more_ends_its_tracks() -> None:
    stage = standing(zones=ROOM)
    change(stage, Settings({1: PERSON}, zones=ROOM))
    assert stage.told[-2:] == ["zone.left", "track.ended"]
    for _ in range(5):
        assert stage.look(person(0.8)).track_ids == ()
    assert stage.told.count("track.started") == 1
    change(stage, Settings({0: PERSON, 1: PERSON}, zones=ROOM))
    for _ in range(5):
        facts = stage.look(person(0.8))
    assert stage.told.count("track.started") == 2
    assert facts.track_ids == (2,), "the life of 1 was told to have ended"


MASK = ((0.7, 0.6), (0.9, 0.6), (0.9, 1.0), (0.7, 1.0))


@pytest.mark.parametrize(
    "rule",
    [LabelRule(0.95), LabelRule(0.5, min_height=0.5), LabelRule(0.5, min_width=0.2), LabelRule(0.5, masks=(MASK,))],
    ids=["confidence", "height", "width", "mask"],
)
def test_who_does_not_fit_a_stricter_rule_ends_and_is_not_counted(rule: LabelRule) -> None:
    """As a statue that was taken for somebody, and that a mask is drawn over."""
    stage = standing(told=frozenset({0}), zones=ROOM)
    facts = stage.scene.change(stage.now.captured_at, Settings({0: rule}, told=frozenset({0}), zones=ROOM))
    assert facts is not None
    assert [h.end_reason for h in stage.keep(facts).happenings] == [None, "stopped"]
    for _ in range(20):
        assert stage.look(person(0.8)).track_ids == ()
    assert stage.count()[-1] == stage.count("right")[-1] == (0, False)
    change(stage, Settings({0: PERSON}, told=frozenset({0}), zones=ROOM))
    for _ in range(5):
        facts = stage.look(person(0.8))
    assert stage.told.count("track.started") == 2, "it fits again"


@pytest.mark.parametrize(
    "rule",
    [LabelRule(0.85), LabelRule(0.3), LabelRule(0.5, min_height=0.3), LabelRule(0.5, masks=(LEFT.polygon,))],
    ids=["confidence", "less confidence", "height", "mask elsewhere"],
)
def test_who_fits_a_stricter_rule_too_stays(rule: LabelRule) -> None:
    stage = standing()
    change(stage, Settings({0: rule}))
    assert stage.look(person(0.8)).track_ids == (1,)
    assert "track.ended" not in stage.told


def test_who_has_become_less_sure_or_walked_into_a_mask_is_not_ended_by_another_edit() -> None:
    stage = Stage()
    change(stage, Settings({0: LabelRule(0.5, masks=(MASK,))}))
    for i in range(40):
        stage.look(person(0.4 + 0.01 * i), confidence=0.9 if i < 8 else 0.4)
    change(stage, Settings({0: LabelRule(0.5, min_height=0.1, masks=(MASK, LEFT.polygon))}, zones=ROOM))
    assert stage.told.count("track.started") == 1
    assert "track.ended" not in stage.told


def test_totals_of_a_line_go_on_when_it_is_drawn_elsewhere() -> None:
    stage = Stage(lines=DOOR, told=frozenset({0}))
    for i in range(16):
        stage.look(person(0.1 + 0.05 * i))
    moved = Line("door", (0.6, 1.0), (0.6, 0.0))
    change(stage, replace(BASE, lines=(moved,), told=frozenset({0})))
    for i in range(16):
        stage.look(person(0.85 - 0.05 * i))
    totals = [(c.into, c.out) for c in stage.counts if isinstance(c, LineCount) and c.class_id == 0]
    assert totals[-1] == (1, 1)


def test_a_line_that_does_not_count_a_label_any_more_keeps_its_total_to_itself() -> None:
    """Else a topic that the config does not yield any more would be told again after it was emptied."""
    totals = {"door": {0: (3, 2, 1.0), 1: (5, 4, 1.0), None: (8, 6, 1.0)}}
    rules = {0: PERSON, 1: PERSON}
    stage = Stage()
    for class_ids, told in ((frozenset({1}), {1, None}), (None, {0, 1, None})):
        stage.counts.clear()
        lines = (replace(DOOR[0], class_ids=class_ids),)
        change(stage, Settings(rules, lines=lines, told=frozenset(rules)), totals)
        stage.look()
        assert {c.class_id for c in stage.counts if isinstance(c, LineCount)} == told
    assert [(c.into, c.out) for c in stage.counts if isinstance(c, LineCount) and c.class_id == 0] == [(3, 2)]


def test_a_line_that_is_drawn_again_remembers_what_it_has_counted() -> None:
    stage = Stage()
    change(stage, replace(BASE, lines=DOOR, told=frozenset({0})), {"door": {0: (3, 2, 1.0), None: (3, 2, 1.0)}})
    stage.look(person(0.2))
    totals = {c.class_id: (c.into, c.out) for c in stage.counts if isinstance(c, LineCount)}
    assert totals == {0: (3, 2), None: (3, 2)}


def test_a_line_that_stays_follows_who_is_on_the_way_across_it() -> None:
    stage = Stage(lines=DOOR)
    for i in range(8):
        stage.look(person(0.1 + 0.05 * i))
    change(stage, Settings({0: LabelRule(0.4)}, lines=DOOR))
    for i in range(8, 16):
        stage.look(person(0.1 + 0.05 * i))
    assert stage.told.count("line.crossed") == 1


def test_the_gate_is_opened_and_closed() -> None:
    stage = standing(gate=True)
    for _ in range(40):
        stage.look()
    asked = stage.scene.wants(stage.now, [], (640, 480), (300, 300))
    change(stage, BASE)
    assert stage.scene.wants(stage.now, [], (640, 480), (300, 300))
    assert not asked


@pytest.mark.parametrize("gate", [False, True])
def test_only_where_regions_are_wanted_it_looks_closely(gate: bool) -> None:
    stage = Stage(regions=True, gate=gate)

    def closely() -> bool:
        crops: set[Box] = set()
        for _ in range(5):
            crops.update(stage.scene.wants(stage.now, [(0.1, 0.1, 0.13, 0.2)], (3840, 2160), (300, 300)))
            stage.look()
        return crops != {WHOLE}

    assert closely()
    for regions in (False, True, False):
        change(stage, Settings({0: PERSON}, regions=regions, gate=gate))
        assert closely() is regions
