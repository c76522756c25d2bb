from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.perception.counts import VACANT, Counts
from agent.perception.facts import Count, Moment, Occupancy

WALL = 1e9


def at(seconds: float) -> Moment:
    return Moment(seconds, WALL + seconds, 50 + seconds)


def numbers(facts: list[Count | Occupancy]) -> dict[tuple[str, int | None], int]:
    return {(fact.zone, fact.class_id): fact.count for fact in facts if isinstance(fact, Count)}


def occupied(facts: list[Count | Occupancy]) -> dict[tuple[str, int | None], bool]:
    return {(fact.zone, fact.class_id): fact.occupied for fact in facts if isinstance(fact, Occupancy)}


def test_before_the_first_look_nobody_knows() -> None:
    assert Counts({"porch": None}, [0]).doubt(WALL) == []


def test_the_first_look_tells_all_that_is_asked_for() -> None:
    facts = Counts({"porch": None}, [3, 0]).update(at(1), {"": [], "porch": []})
    places = [(zone, label) for zone in ("", "porch") for label in (None, 0, 3)]
    assert numbers(facts) == dict.fromkeys(places, 0)
    assert occupied(facts) == dict.fromkeys(places, False)
    assert all(not fact.stale for fact in facts)
    assert facts[:2] == [Count("", None, 0, False, WALL + 1), Occupancy("", None, False, False, WALL + 1)]


def test_other_labels_are_told_once_seen_and_where_they_are_seen() -> None:
    counts = Counts({"porch": None})
    assert set(numbers(counts.update(at(0), {"": []}))) == {("", None), ("porch", None)}
    assert numbers(counts.update(at(1), {"": [7, 7], "porch": []})) == {("", None): 2, ("", 7): 2}
    assert numbers(counts.update(at(2), {"": [], "porch": []})) == {("", None): 0, ("", 7): 0}


def test_only_what_changes_is_told() -> None:
    counts = Counts({"porch": None, "yard": None}, [0])
    counts.update(at(0), {"": [0], "porch": [0], "yard": []})
    assert counts.update(at(1), {"": [0], "porch": [0], "yard": []}) == []
    facts = counts.update(at(2), {"": [0, 0], "porch": [0], "yard": [0]})
    assert numbers(facts) == {("", None): 2, ("", 0): 2, ("yard", None): 1, ("yard", 0): 1}
    assert occupied(facts) == {("yard", None): True, ("yard", 0): True}
    assert counts.update(at(3), {"": (0, 0), "porch": (0,), "yard": (0,)}) == []


def test_all_is_the_sum_of_the_labels() -> None:
    assert numbers(Counts({}).update(at(0), {"": [1, 2, 2, 5]})) == {("", None): 4, ("", 1): 1, ("", 2): 2, ("", 5): 1}


def test_a_place_is_occupied_at_once_and_vacant_after_a_while() -> None:
    counts = Counts({})
    counts.update(at(0), {"": []})
    assert occupied(counts.update(at(1), {"": [0]})) == {("", None): True, ("", 0): True}
    facts = counts.update(at(2), {"": []})
    assert numbers(facts) == {("", None): 0, ("", 0): 0}
    assert occupied(facts) == {}
    assert counts.update(at(2 + VACANT - 0.01), {"": []}) == []
    gone = counts.update(at(2 + VACANT), {"": []})
    assert gone == [Occupancy("", label, False, False, WALL + 2 + VACANT) for label in (None, 0)]
    assert counts.update(at(30), {"": []}) == []


def test_whoever_is_back_soon_leaves_it_occupied() -> None:
    counts = Counts({}, [0])
    for i in range(20):
        facts = counts.update(at(i), {"": [0] * (i % 2)})
        assert occupied(facts) == ({("", None): i > 0, ("", 0): i > 0} if i < 2 else {})
    assert occupied(counts.update(at(19 + 1), {"": []})) == {}
    assert occupied(counts.update(at(20 + VACANT), {"": []})) == {("", None): False, ("", 0): False}


def test_one_label_vacates_while_another_stays() -> None:
    counts = Counts({})
    counts.update(at(0), {"": [0, 1]})
    counts.update(at(1), {"": [0]})
    assert occupied(counts.update(at(1 + VACANT), {"": [0]})) == {("", 1): False}


def test_t14_a_zones_count_falls_when_its_object_disappears() -> None:
    counts = Counts({"porch": None}, [0])
    counts.update(at(0), {"": [0], "porch": [0]})
    assert numbers(counts.update(at(1), {"": []})) == {
        (zone, label): 0 for zone in ("", "porch") for label in (None, 0)
    }


def test_stale_tells_all_again_with_its_last_value() -> None:
    counts = Counts({"porch": None}, [0])
    counts.update(at(0), {"": [0], "porch": []})
    told = counts.doubt(WALL + 9)
    assert numbers(told) == {("", None): 1, ("", 0): 1, ("porch", None): 0, ("porch", 0): 0}
    assert all(fact.stale for fact in told)
    assert {fact.since for fact in told if isinstance(fact, Occupancy)} == {WALL}
    fresh = counts.update(at(20), {"": [0], "porch": []})
    assert numbers(fresh) == numbers(told)
    assert occupied(fresh) == occupied(told)
    assert not any(fact.stale for fact in fresh)
    assert {fact.at for fact in fresh if isinstance(fact, Count)} == {WALL + 20}, "what is told later has a later time"
    assert counts.update(at(21), {"": [0], "porch": []}) == []


def test_a_zone_of_which_nobody_knows_yet_stays_stale() -> None:
    counts = Counts({"porch": None})
    counts.update(at(0), {"": [0], "porch": [0]})
    counts.doubt(WALL + 9)
    assert {fact.zone for fact in counts.update(at(20), {"": [0]}, ["porch"])} == {""}
    fresh = counts.update(at(21), {"": [0], "porch": [0]})
    assert {(fact.zone, fact.stale) for fact in fresh} == {("porch", False)}


def test_a_blind_minute_vacates_nothing() -> None:
    """Whoever was gone for a moment when nobody could look any more may be back: two more seconds must show it."""
    counts = Counts({})
    counts.update(at(0), {"": [0]})
    counts.update(at(1), {"": []})
    counts.doubt(WALL + 3)
    assert occupied(counts.update(at(60), {"": []})) == {("", None): True, ("", 0): True}
    assert occupied(counts.update(at(60 + VACANT), {"": []})) == {("", None): False, ("", 0): False}


@pytest.mark.parametrize("present", [{}, {"": []}, {"attic": [0]}])
def test_places_nobody_asked_for_or_spoke_of(present: dict[str, list[int]]) -> None:
    assert numbers(Counts({}).update(at(0), present)) == {("", None): 0}


classes = st.lists(st.integers(0, 2), max_size=3)


@given(st.lists(st.tuples(st.floats(0, 3), classes, classes, st.sampled_from(["look", "look", "blind"])), max_size=40))
def test_what_was_told_adds_up_to_what_is(looks: list[tuple[float, list[int], list[int], str]]) -> None:
    """Whoever keeps the last value of each topic has the truth, and occupancy turns only in order."""
    counts, now = Counts({"porch": None}, [0]), 0.0
    number: dict[tuple[str, int | None], int] = {}
    state: dict[tuple[str, int | None], bool] = {}
    blind = False
    for pause, everywhere, porch, kind in looks:
        now += pause
        if kind == "blind":
            told, blind = counts.doubt(WALL + now), True
            assert numbers(told) == number
            assert occupied(told) == state
            continue
        facts = counts.update(at(now), {"": everywhere, "porch": porch})
        for place, value in numbers(facts).items():
            assert blind or number.get(place) != value
            number[place] = value
        for place, value in occupied(facts).items():
            assert blind or state.get(place) != value
            state[place] = value
        blind = False
        for (zone, label), value in number.items():
            there = porch if zone else everywhere
            assert value == (len(there) if label is None else there.count(label))
            assert state[zone, label] or not value
    facts = counts.update(at(now + 10), {}) + counts.update(at(now + 20), {})
    state.update(occupied(facts))
    assert not any(state.values())


def test_of_a_label_that_a_zone_does_not_take_nothing_is_said_there() -> None:
    counts = Counts({"road": {2}}, [0, 2])
    assert set(numbers(counts.update(at(0), {"": [0], "road": []}))) == {
        ("", None),
        ("", 0),
        ("", 2),
        ("road", None),
        ("road", 2),
    }
    counts.change({"road": {0}}, [0, 2], {0, 2})
    assert ("road", 2) not in numbers(counts.update(at(1), {"": [0, 2], "road": []}))
    assert ("road", 2) not in numbers(counts.doubt(WALL))
    told = numbers(counts.update(at(2), {"": [0], "road": [0]}))
    assert {place: number for place, number in told.items() if place[0]} == {("road", None): 1, ("road", 0): 1}


def test_a_label_that_is_wanted_from_now_on_is_told_though_nothing_has_changed() -> None:
    counts = Counts({}, [0])
    counts.update(at(0), {"": [0]})
    counts.change({}, [0, 2], {0, 2})
    assert numbers(counts.update(at(1), {"": [0]})) == {("", 2): 0}
