from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.perception.facts import Direction, LineCount, Point
from agent.perception.lines import BEYOND, CLEAR, STOOD, LineWatch
from agent.perception.settings import Line
from agent.perception.track import Track

DOOR = Line("door", (0.2, 0.8), (0.8, 0.8))
ENDLESS = Line("endless", (-100.0, 0.5), (100.0, 0.5))
WALL = 1e9


def track(number: int = 1, class_id: int = 0) -> Track:
    return Track(number, class_id, (0.0, 0.0, 0.1, 0.1), 0.9, 0.0, 0.0, 3)


def stand(one: Track, point: Point, size: tuple[float, float] = (0.1, 0.2)) -> Track:
    (x, y), (width, height) = point, size
    one.box = (x - width / 2, y - height, x + width / 2, y)
    return one


def walk(watch: LineWatch, one: Track, *points: Point, size: tuple[float, float] = (0.1, 0.2)) -> list[Direction]:
    return [crossing.direction for p in points for crossing in watch.update(WALL, [stand(one, p, size)])]


def down(x: float, *ys: float) -> list[Point]:
    return [(x, y) for y in ys]


def way(a: Point, b: Point, steps: int) -> list[Point]:
    return [(a[0] + (b[0] - a[0]) * i / steps, a[1] + (b[1] - a[1]) * i / steps) for i in range(steps + 1)]


@pytest.mark.parametrize(
    ("points", "crossed"),
    [
        (down(0.5, 0.6, 0.7, 0.79, 0.81, 0.9), ["in"]),
        (down(0.5, 0.9, 0.81, 0.79, 0.7, 0.6), ["out"]),
        (down(0.5, 0.6, 0.8, 0.9), ["in"]),  # steps on it
        (down(0.5, 0.6, 0.8, 0.8, 0.8, 0.6), []),  # steps on it and turns
        (down(0.5, 0.6, 0.9), ["in"]),
        (down(0.5, 0.1, 1.0), ["in"]),  # jumps over it
        (down(0.5, 0.6, 0.9, 0.6), ["in", "out"]),
        (down(0.5, 0.6, 0.82, 0.6), []),  # turned before it was clear
        (down(0.5, 0.6, 0.82, 0.79, 0.82, 0.79, 0.82, 0.9), ["in"]),
        (down(0.1, 0.6, 0.7, 0.9), []),  # past its end
        (down(0.9, 0.6, 0.7, 0.9), []),
        ([(0.1, 0.6), (0.5, 0.9)], ["in"]),  # slantwise through it
        ([(0.1, 0.78), (0.3, 1.0)], []),  # slantwise past its end
        ([(0.5, 0.6), (0.1, 0.7), (0.1, 0.9), (0.5, 0.9)], []),  # around its end
        ([(0.5, 0.6), (0.5, 0.9), (0.1, 0.9), (0.1, 0.6), (0.5, 0.6)], ["in"]),  # through it and back around
        ([(0.5, 0.6), (0.1, 0.7), (0.1, 0.9), (0.5, 0.9), (0.5, 0.6)], ["out"]),
        # Jitter at its end: through, back around, and through again is once through.
        ([(0.21, 0.6), (0.21, 0.81), (0.19, 0.81), (0.19, 0.79), (0.21, 0.79), (0.21, 0.81), (0.21, 0.9)], ["in"]),
        (
            [
                *[(0.21, 0.6), (0.21, 0.81), (0.19, 0.81), (0.19, 0.79), (0.21, 0.79)],
                *[(0.21, 0.81), (0.21, 0.79), (0.19, 0.79), (0.19, 0.81), (0.21, 0.9)],
            ],
            ["in"],
        ),
        ([(0.1, 0.9), (0.1, 0.79), (0.5, 0.79), (0.5, 0.9)], []),  # around and through, to where it was
        # Around, back through, and around again is not.
        ([(0.19, 0.6), (0.19, 0.81), (0.21, 0.81), (0.21, 0.79), (0.19, 0.79), (0.19, 0.81), (0.19, 0.9)], []),
    ],
)
def test_crossings(points: list[Point], crossed: list[Direction]) -> None:
    assert walk(LineWatch(DOOR), track(), *points) == crossed
    back: dict[Direction, Direction] = {"in": "out", "out": "in"}
    assert walk(LineWatch(Line("door", DOOR.first, DOOR.last, reverse=True)), track(), *points) == [
        back[direction] for direction in crossed
    ]
    assert walk(LineWatch(Line("door", DOOR.last, DOOR.first)), track(), *points) == [back[d] for d in crossed]


@pytest.mark.parametrize(
    ("first", "last", "start", "end"),
    [
        ((0.2, 0.5), (0.8, 0.5), (0.5, 0.3), (0.5, 0.7)),
        ((0.8, 0.5), (0.2, 0.5), (0.5, 0.7), (0.5, 0.3)),
        ((0.2, 0.2), (0.8, 0.8), (0.7, 0.3), (0.3, 0.7)),
        ((0.2, 0.8), (0.8, 0.2), (0.3, 0.3), (0.7, 0.7)),
        ((0.5, 0.2), (0.5, 0.9), (0.8, 0.5), (0.2, 0.5)),  # an arrow down has its right on the picture's left
    ],
)
def test_in_is_from_the_arrows_left_to_its_right_as_seen(first: Point, last: Point, start: Point, end: Point) -> None:
    watch, one = LineWatch(Line("door", first, last)), track()
    assert walk(watch, one, start, end, start, size=(0.05, 0.05)) == ["in", "out"]


def test_the_foot_counts_not_the_middle() -> None:
    one, watch = track(), LineWatch(DOOR)
    for y1, y2 in ((0.1, 0.75), (0.3, 0.76), (0.7, 0.77)):  # ever more of it below, its foot still above
        one.box = (0.45, y1, 0.55, y2)
        assert watch.update(WALL, [one]) == []


@pytest.mark.parametrize("size", [(0.3, 0.6), (0.1, 0.2), (0.01, 0.02), (0.004, 0.006)])
def test_t13_far_objects_count_as_near_ones_do(size: tuple[float, float]) -> None:
    """Far objects are counted wrongly or never where the dead band is a number of pixels."""
    height = size[1]
    there = [(0.5, 0.8 + height * share) for share in (-0.6, -0.4, -0.2, -0.05, 0.05, 0.2, 0.4)]
    watch, one = LineWatch(DOOR), track()
    assert walk(watch, one, *there, size=size) == ["in"]
    assert walk(watch, one, *there[::-1], size=size) == ["out"]
    assert watch.totals[None] == (1, 1, WALL)


@pytest.mark.parametrize("size", [(0.3, 0.6), (0.1, 0.2), (0.01, 0.02)])
@pytest.mark.parametrize("side", [-1, 1])
def test_t13_jitter_at_the_line_counts_nothing(size: tuple[float, float], side: int) -> None:
    """Somebody stands on the line for long, and the box trembles by a tenth of its size."""
    chance, watch = random.Random(4), LineWatch(DOOR)
    shares = [side * 0.5] + [chance.uniform(-0.1, 0.1) for _ in range(500)]
    assert walk(watch, track(), *((0.5 + size[0] * s / 2, 0.8 + size[1] * s) for s in shares), size=size) == []
    assert walk(watch, track(), (0.5, 0.8 - side * size[1] / 2), size=size) == ["out" if side > 0 else "in"]


def test_t13_jitter_with_every_look_clear_counts_each_way() -> None:
    assert walk(LineWatch(DOOR), track(), *down(0.5, *[0.7, 0.9] * 5)) == ["in", "out"] * 4 + ["in"]


def test_t13_the_band_is_as_wide_as_the_box_across_an_upright_line() -> None:
    gate = Line("gate", (0.5, 0.0), (0.5, 1.0))
    points = [(0.5 + 0.1 * share, 0.5) for share in (-0.5, 0.1, -0.1, 0.14)]
    assert walk(LineWatch(gate), track(), *points, size=(0.1, 0.9)) == []
    assert walk(LineWatch(gate), track(), *points, (0.517, 0.5), size=(0.1, 0.9)) == ["out"]


def test_t13_a_fast_object_is_counted_between_two_looks() -> None:
    assert walk(LineWatch(DOOR), track(), (0.3, 0.1), (0.6, 1.0), size=(0.02, 0.02)) == ["in"]


@pytest.mark.parametrize("start", [0.8, 0.809, 0.791])
def test_t13_who_is_first_seen_on_the_line_came_from_nobody_knows_where(start: float) -> None:
    watch, one = LineWatch(DOOR), track()
    assert walk(watch, one, *down(0.5, start, 0.8, 0.9)) == []
    assert walk(watch, one, *down(0.5, 0.8, 0.7)) == ["out"]


@pytest.mark.parametrize(("points", "crossed"), [((0.78, 0.79, 0.81, 0.9), ["in"]), ((0.82, 0.81, 0.79, 0.7), ["out"])])
def test_who_comes_into_view_just_beyond_the_line_and_walks_on_has_crossed(
    points: tuple[float, ...], crossed: list[Direction]
) -> None:
    """As out of the door that the line is drawn at: a door counts alike both ways."""
    assert walk(LineWatch(DOOR), track(), *down(0.5, *points)) == crossed
    assert walk(LineWatch(DOOR), track(), *down(0.1, *points)) == [], "past its end"
    back = (*points[:-1], points[0], 2 * points[0] - 0.8)
    assert walk(LineWatch(DOOR), track(), *down(0.5, *back)) == [], "turned"


def test_who_comes_into_view_near_the_line_and_stands_there_came_from_nobody_knows_where() -> None:
    watch, one, chance = LineWatch(DOOR), track(), random.Random(4)
    one.still_since = 0.0
    for n in range(50):
        one.last_time = n / 5
        assert walk(watch, one, (0.5, 0.782 if n == 0 else 0.8 + chance.uniform(-0.02, 0.02))) == []
    one.still_since = None
    assert walk(watch, one, *down(0.5, 0.82, 0.9)) == []


def test_t13_slow_walkers_count_once() -> None:
    assert walk(LineWatch(DOOR), track(), *way((0.5, 0.7), (0.5, 0.9), 2000)) == ["in"]


@pytest.mark.parametrize("line", [0.9, 0.95, 0.985, 0.998])
def test_t13_a_near_object_cut_by_the_lower_edge_is_clear_of_a_line_above_it(line: float) -> None:
    """Its foot is below the picture: there is no room to see it as far from the line as its size asks for."""
    watch, size = LineWatch(Line("door", (0.0, line), (1.0, line))), (0.3, 0.7)
    assert walk(watch, track(1), *down(0.5, 0.6, 0.8, 1.0), size=size) == ["in"]
    assert walk(watch, track(2), *down(0.5, 1.0, 0.8, 0.6), size=size) == ["out"]
    sways = down(0.5, *[line - 0.006, 1.0] * 50)
    assert walk(watch, track(3), *down(0.5, 0.6), *sways, size=size) == ["in"]


@pytest.mark.parametrize("top", [0.4, 0.5, 0.6])
def test_t13_a_cut_box_is_no_clearer_of_a_steep_line(top: float) -> None:
    watch = LineWatch(Line("gate", (top, 0.0), (0.5, 1.0)))
    assert walk(watch, track(), *[(0.5 + x, 1.0) for x in (-0.3, 0.02, -0.02, 0.02)], size=(0.3, 0.7)) == []


def test_t13_who_crosses_before_being_confirmed_counts_once_confirmed() -> None:
    """Far objects are unsure for long; a line near the edge is crossed in the first looks."""
    watch, one, ghost = LineWatch(DOOR), track(1), track(2)
    for point in down(0.5, 0.6, 0.9):
        assert watch.update(WALL, [], [stand(one, point), stand(ghost, point)]) == []
    assert watch.totals == {}
    (crossing,) = watch.update(WALL, [stand(one, (0.5, 0.95))])
    assert (crossing.track, crossing.line, crossing.direction) == (one, "door", "in")
    assert watch.update(WALL, [stand(one, (0.5, 0.96))]) == []
    assert watch.vanished(WALL, [one, ghost]) == []
    assert watch.totals == {0: (1, 0, WALL), None: (1, 0, WALL)}


@pytest.mark.parametrize(
    ("points", "still", "crossed"),
    [
        (down(0.5, 0.6, 0.82), False, ["in"]),
        (down(0.5, 0.9, 0.78), False, ["out"]),
        (down(0.5, 0.6, 0.82), True, []),  # stood there
        (down(0.5, 0.6, 0.805), False, []),  # hardly beyond
        (down(0.5, 0.6, 0.79), False, []),  # before it
        (down(0.5, 0.6, 0.82, 0.78), False, []),  # turned
        (down(0.5, 0.82, 0.82), False, []),  # never seen before it
        (down(0.5, 0.79, 0.82), False, []),  # never clear of it
        ([(0.5, 0.6), (0.1, 0.7), (0.1, 0.82), (0.5, 0.82), (0.5, 0.78)], False, []),  # around its end, back through
        (down(0.1, 0.6, 0.82), False, []),  # past its end
        ([(0.5, 0.6), (0.1, 0.7), (0.1, 0.9), (0.5, 0.82)], False, []),  # around its end
        (down(0.5, 0.6, 0.9), False, []),  # was counted when it crossed
    ],
)
def test_t13_who_vanishes_just_beyond_the_line_has_crossed(
    points: list[Point], still: bool, crossed: list[Direction]
) -> None:
    """As behind the door that the line is drawn at: no further look will show it clear."""
    watch, one = LineWatch(DOOR), track()
    counted = len(walk(watch, one, *points))
    one.still_since = 0.0 if still else None
    assert [crossing.direction for crossing in watch.vanished(WALL, [one])] == crossed
    assert watch.totals.get(None, (0, 0))[:2] == (crossed.count("in") + counted, crossed.count("out"))
    assert watch.vanished(WALL, [one]) == []


def test_who_walks_through_the_line_and_stands_before_vanishing_has_crossed() -> None:
    """Somebody waits beyond the threshold until the door opens."""
    watch, one = LineWatch(DOOR), track()
    for second, point in enumerate(down(0.5, 0.6, 0.82, 0.82, 0.82)):
        one.last_time = float(second)
        walk(watch, one, point)
    one.still_since = 1.5
    assert [crossing.direction for crossing in watch.vanished(WALL, [one])] == ["in"]


@pytest.mark.parametrize(
    ("points", "then", "near"),
    [
        (down(0.5, 0.6, 0.78), 0.81, True),  # is believed to go through
        (down(0.5, 0.6, 0.78), 0.79, False),
        (down(0.1, 0.6, 0.78), 0.81, False),  # past its end
        (down(0.5, 0.6, 0.81), 0.82, True),  # through, but not clear of it
        (down(0.5, 0.6, 0.9), 0.95, False),  # clear of it
    ],
)
def test_who_is_on_the_way_across(points: list[Point], then: float, near: bool) -> None:
    watch, one = LineWatch(DOOR), track()
    walk(watch, one, *points)
    expected = [stand(track(), (points[-1][0], then)).box]
    assert list(watch.nearing([one], expected)) == [1] * near
    one.still_since = one.last_time - STOOD + 0.1
    assert list(watch.nearing([one], expected)) == [1] * near, "who walks away seems to stand"
    one.still_since = one.last_time - STOOD
    assert list(watch.nearing([one], expected)) == [], "who stands is not on the way"
    assert list(watch.nearing([track(99)], expected)) == []


def test_who_vanishes_unconfirmed_or_unseen_counts_nothing() -> None:
    watch, one = LineWatch(DOOR), track()
    for point in down(0.5, 0.6, 0.82):
        watch.update(WALL, [], [stand(one, point)])
    assert watch.vanished(WALL, [one, track(99)]) == []


def test_t14_who_vanishes_on_the_line_is_forgotten() -> None:
    watch = LineWatch(DOOR)
    walk(watch, track(), *down(0.5, 0.6, 0.81))
    watch.forget(track())
    watch.forget(track(99))
    assert walk(watch, track(), *down(0.5, 0.9)) == []
    assert watch.totals == {}


def test_labels_that_are_not_wanted_do_not_count() -> None:
    watch = LineWatch(Line("door", DOOR.first, DOOR.last, class_ids=frozenset({2})), told=[0, 2])
    assert walk(watch, track(1, 0), *down(0.5, 0.6, 0.9)) == []
    assert walk(watch, track(2, 2), *down(0.5, 0.6, 0.9)) == ["in"]
    assert watch.totals == {2: (1, 0, WALL), None: (1, 0, WALL)}
    assert {fact.class_id for fact in watch.facts(WALL)} == {None, 2}


def test_totals_are_by_label_and_of_all() -> None:
    watch = LineWatch(DOOR)
    for number, class_id in ((1, 0), (2, 0), (3, 5)):
        walk(watch, track(number, class_id), *down(0.5, 0.6, 0.9))
    walk(watch, track(4, 5), *down(0.5, 0.9, 0.6))
    assert watch.totals == {0: (2, 0, WALL), 5: (1, 1, WALL), None: (3, 1, WALL)}


def test_totals_go_on_after_a_restart() -> None:
    kept = {0: (7, 3, 5.0), None: (9, 4, 4.0)}
    watch = LineWatch(DOOR, kept)
    assert watch.facts(WALL) == [LineCount("door", None, 9, 4, 4.0, WALL), LineCount("door", 0, 7, 3, 5.0, WALL)]
    walk(watch, track(), *down(0.5, 0.6, 0.9))
    assert watch.totals == {0: (8, 3, 5.0), None: (10, 4, 4.0)}
    assert kept[0] == (7, 3, 5.0)


def test_what_is_told_at_first_and_then_only_what_changes() -> None:
    watch = LineWatch(DOOR, told=[0, 2])
    assert watch.facts(10.0) == [LineCount("door", c, 0, 0, 10.0, 10.0) for c in (None, 0, 2)]
    assert watch.facts(11.0) == []
    walk(watch, track(1, 2), *down(0.5, 0.6, 0.9))
    assert watch.facts(12.0) == [LineCount("door", 2, 1, 0, 10.0, 12.0), LineCount("door", None, 1, 0, 10.0, 12.0)]
    assert watch.facts(13.0) == []


steps = st.lists(
    st.tuples(st.integers(0, 2), st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 0.5), st.floats(0.001, 0.5)),
    max_size=80,
)


@given(steps)
def test_in_less_out_through_an_endless_line_is_the_net_change_of_side(
    walked: list[tuple[int, float, float, float, float]],
) -> None:
    watch, tracks = LineWatch(ENDLESS), [track(i, class_id=i % 2) for i in range(3)]
    start: dict[int, bool] = {}
    seen: set[int] = set()
    net = [0, 0, 0]
    before: dict[int | None, tuple[int, int, float]] = {}
    for number, x, y, width, height in walked:
        away = abs(y - 0.5) - CLEAR * height
        came = abs(y - 0.5) - BEYOND * height
        if abs(away) < 1e-6 or abs(came) < 1e-6:
            continue  # too close to call
        if number not in seen and came > 0:
            start[number] = y > 0.5
        seen.add(number)
        for crossing in watch.update(WALL, [stand(tracks[number], (x, y), (width, height))]):
            net[crossing.track.id] += 1 if crossing.direction == "in" else -1
        if away > 0:
            assert net[number] == (y > 0.5) - start.setdefault(number, y > 0.5)
        for key, (into, out, since) in before.items():
            assert watch.totals[key][0] >= into
            assert watch.totals[key][1] >= out
            assert watch.totals[key][2] == since
        before = dict(watch.totals)
    into, out, _ = watch.totals.get(None, (0, 0, WALL))
    assert into - out == sum(net)
    assert (into, out) == tuple(sum(watch.totals[c][i] for c in (0, 1) if c in watch.totals) for i in (0, 1))


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=9), st.integers(0, 9))
def test_late_confirmation_changes_no_total(points: list[Point], confirmed: int) -> None:
    late, watch, one, other = LineWatch(DOOR), LineWatch(DOOR), track(1), track(2)
    end = (0.5, 0.5)
    for i, point in enumerate([*points, end]):
        stand(one, point)
        late.update(WALL, *(([one], []) if i >= confirmed or i == len(points) else ([], [one])))
        watch.update(WALL, [stand(other, point)])
    assert late.totals == watch.totals
