from __future__ import annotations

from itertools import pairwise

import pytest

from agent.perception.facts import Moment
from agent.perception.life import HISTORY, LONGEST_PATH, STATIONARY, Life
from agent.perception.lives import UPDATE_SECONDS, Lives
from agent.perception.settings import LabelRule
from agent.perception.staleness import GIVEN_UP, STALE, Staleness
from agent.perception.track import Track
from agent.perception.views import score

SIZE = (640, 480)


def at(seconds: float) -> Moment:
    return Moment(seconds, 1e9 + seconds, 50 + seconds)


def track(confidence: float = 0.9, box: tuple[float, float, float, float] = (0.4, 0.4, 0.5, 0.6)) -> Track:
    return Track(7, 0, box, confidence, 0.0, 0.0, 2)


def see(lives: Lives, one: Track, seconds: float, confidence: float = 0.9, *, passed: bool = True) -> list[str]:
    one.confidence, one.last_time = confidence, seconds
    started, _ = lives.seen(at(seconds), SIZE, [(one, passed)])
    return [happening.kind for happening in started + lives.updates(at(seconds))]


def test_a_track_is_told_once_three_looks_agree() -> None:
    lives, one = Lives({0: LabelRule(0.5)}, views=False), track()
    assert see(lives, one, 0.2) == []  # the second look, with which a track gets its number
    assert lives.confirmed == []
    assert see(lives, one, 0.4) == ["track.started"]
    assert lives.confirmed == [one]
    assert see(lives, one, 0.6) == []


def test_one_lucky_look_confirms_nothing() -> None:
    lives, one = Lives({0: LabelRule(0.5)}, views=False), track()
    for i, confidence in enumerate((0.95, 0.3, 0.3, 0.3, 0.2)):
        assert see(lives, one, i / 5, confidence) == []


def test_who_was_followed_for_long_with_little_confidence_is_told_once_the_last_looks_are_sure() -> None:
    lives, one = Lives({0: LabelRule(0.5)}, views=False), track()
    told = [see(lives, one, i / 5, 0.4 if i < 60 else 0.9) for i in range(66)]
    assert [i for i, kinds in enumerate(told) if kinds] == [63]
    (life,) = lives.updates(at(100.0)) or lives.grown_stale(1e9)
    assert life.track.confidence == 0.4, "what is told has the long history"


def test_a_look_in_two_that_is_sure_is_not_enough_for_one_who_was_not() -> None:
    lives, one = Lives({0: LabelRule(0.5)}, views=False), track()
    for i in range(200):
        assert see(lives, one, i / 5, 0.9 if i >= 30 and i % 5 in (0, 2) else 0.4) == []


def test_who_may_be_told_of_soon_is_waited_for() -> None:
    lives, one = Lives({0: LabelRule(0.5)}, views=False), track()
    near = []
    for i, (confidence, passed) in enumerate([(0.4, True), (0.4, False), (0.4, False), (0.9, False), (0.9, True)]):
        see(lives, one, i / 5, confidence, passed=passed)
        near.append([*lives.nearly()])
    assert near == [[7], [], [], [], [7]]
    for i in range(5, 9):
        see(lives, one, i / 5)
    assert lives.confirmed == [one]
    assert [*lives.nearly()] == []


def test_one_weak_look_ends_nothing() -> None:
    lives, one = Lives({0: LabelRule(0.5)}, views=False), track()
    for i in range(3):
        see(lives, one, i / 5)
    see(lives, one, 0.8, 0.1)
    assert lives.confirmed == [one]


@pytest.mark.parametrize(("rules", "passed"), [({}, True), ({1: LabelRule(0.1)}, True), ({0: LabelRule(0.5)}, False)])
def test_what_nobody_asked_for_is_never_told(rules: dict[int, LabelRule], passed: bool) -> None:
    lives, one = Lives(rules, views=False), track()
    for i in range(10):
        assert see(lives, one, i / 5, passed=passed) == []
    assert lives.ended(1e9, [one]) == []


def test_updates_come_once_a_second_at_most_and_only_when_something_changed() -> None:
    lives, one = Lives({0: LabelRule(0.5)}, views=False), track()
    for i in range(3):
        see(lives, one, i / 10)
    told = []
    for i in range(3, 43):
        if i < 23:
            lives.crossed(1e9, one, "door", "in" if i % 2 else "out")
        told += [(i / 10, kind) for kind in see(lives, one, i / 10)]
    times = [seconds for seconds, kind in told if kind == "track.updated"]
    assert all(later - earlier >= UPDATE_SECONDS - 1e-9 for earlier, later in pairwise(times))
    assert 2 <= len(times) <= 3


def test_who_was_told_as_stale_is_told_as_fresh_with_the_next_look() -> None:
    lives, one = Lives({0: LabelRule(0.5)}, views=False), track()
    for i in range(20):
        see(lives, one, i / 5)
    assert [happening.track.stale for happening in lives.grown_stale(1e9 + 6)] == [True]
    (fresh,) = lives.updates(at(8.0))
    assert (fresh.kind, fresh.track.stale) == ("track.updated", False)
    assert lives.updates(at(10.0)) == []


def test_the_end_tells_the_whole_life() -> None:
    lives, one = Lives({0: LabelRule(0.5)}, views=False), track()
    for i in range(5):
        see(lives, one, i / 5, 0.8 if i % 2 else 0.7)
    entered = lives.entered(1e9 + 1, one, "porch", 0.2)
    assert (entered.kind, entered.zone, entered.track.zones) == (
        "zone.entered",
        "porch",
        (("porch", pytest.approx(0.6)),),
    )
    left = lives.left(1e9 + 2, one, "porch", 3.5)
    assert (left.zone, left.seconds, left.track.zones) == ("porch", 3.5, (("porch", 3.5),))
    lives.crossed(1e9 + 2, one, "door", "out")
    (end,) = lives.ended(1e9 + 3, [one])
    life = end.track
    assert (end.kind, end.end_reason, end.frame) == ("track.ended", "lost", SIZE)
    assert (life.first_seen, life.last_seen, life.duration) == (1e9, pytest.approx(1e9 + 0.8), pytest.approx(0.8))
    assert (life.confidence, life.best_confidence) == (0.7, 0.8)
    assert life.lines == (("door", "out"),)
    assert lives.confirmed == []
    assert lives.ended(1e9 + 3, [one]) == []


@pytest.mark.parametrize(
    ("box", "reason"),
    [((0.4, 0.4, 0.5, 0.6), "lost"), ((0.0, 0.4, 0.1, 0.6), "left"), ((0.4, 0.8, 0.5, 1.0), "left")],
)
def test_who_was_last_seen_at_the_edge_has_left(box: tuple[float, float, float, float], reason: str) -> None:
    assert Life(track(box=box), 1e9, 1e9).end_reason() == reason


def test_wall_clock_back_an_hour_leaves_the_duration_right() -> None:
    lives, one = Lives({0: LabelRule(0.5)}, views=False), track()
    for i in range(10):
        one.last_time = i / 5
        lives.seen(Moment(i / 5, 1e9 + i / 5 - (3600 if i > 5 else 0), 50 + i / 5), SIZE, [(one, True)])
    (end,) = lives.ended(1e9, [one])
    assert end.track.duration == pytest.approx(1.8)
    assert end.track.last_seen < end.track.first_seen  # as the clock said it


def test_first_seen_is_the_first_look_and_the_path_has_the_time_of_its_points() -> None:
    """A life begins with the second hit, half a second after the first here."""
    lives, one = Lives({0: LabelRule(0.5)}, views=False), track()
    one.first_time = -0.5
    for i in range(3):
        one.box = (0.1 + 0.1 * i, 0.4, 0.2 + 0.1 * i, 0.6)
        see(lives, one, i / 5)
    (end,) = lives.ended(1e9, [one])
    assert end.track.first_seen == pytest.approx(at(-0.5).captured_at)
    assert end.track.last_seen - end.track.first_seen == pytest.approx(end.track.duration)
    assert [time for time, *_ in end.track.path] == pytest.approx([0.5, 0.7, 0.9])
    assert [x for _, x, _ in end.track.path] == pytest.approx([0.15, 0.25, 0.35])


def test_standing_still_is_told_after_a_while() -> None:
    life = Life(track(), 1e9, 1e9)
    life.track.still_since = 1.0
    life.seen(at(1.0 + STATIONARY - 0.1))
    assert not life.stationary
    life.seen(at(1.0 + STATIONARY))
    assert life.stationary
    assert life.changed


def test_a_better_view_is_larger_or_surer_and_not_cut_by_the_edge() -> None:
    one = track(0.6, (0.4, 0.4, 0.5, 0.6))
    life = Life(one, 1e9, 1e9)
    assert life.better_view() is not None
    assert life.better_view() is None
    one.confidence = 0.65
    assert life.better_view() is None  # hardly better: not worth a copy
    one.box = (0.0, 0.3, 0.12, 0.6)
    assert life.better_view() is None
    one.box = (0.3, 0.3, 0.42, 0.6)
    view = life.better_view()
    assert view is not None
    assert (view.track_id, view.box) == (7, one.box)


def test_a_view_counts_by_its_size_wherever_it_lies() -> None:
    assert score((0.1, 0.1, 0.3, 0.5), 0.8) == pytest.approx(score((0.6, 0.4, 0.8, 0.8), 0.8))
    assert score((0.1, 0.1, 0.3, 0.5), 0.8) > score((0.6, 0.6, 0.75, 0.9), 0.8)
    assert score((0.1, 0.1, 0.3, 0.5), 0.8) > score((0.0, 0.1, 0.2, 0.5), 0.8)


def test_history_and_path_are_bounded() -> None:
    one = track()
    life = Life(one, 1e9, 1e9)
    for i in range(3 * HISTORY):
        one.confidence = 0.2 if i < 2 * HISTORY else 0.8
        one.last_time = i / 5
        one.box = (i / 32, 0.4, i / 32 + 0.1, 0.6)
        life.seen(at(i / 5))
        assert life.path[-1][0] == one.last_time
        life.cross("door", "in")
    assert life.confidence == 0.8
    told = life.view(stale=False)
    assert LONGEST_PATH / 2 <= len(told.path) <= LONGEST_PATH
    assert told.path[0] == (0.0, pytest.approx(0.05), 0.6)
    times = [t for t, _, _ in told.path]
    assert max(after - before for before, after in pairwise(times)) <= 8 / 5, "coarser, and nothing left out"
    assert all(after > before for before, after in pairwise(times))
    assert len(told.lines) == 64


def test_the_path_grows_only_as_somebody_moves() -> None:
    one = track()
    life = Life(one, 1e9, 1e9)
    for i, (x, foot) in enumerate([(0.4, 0.6), (0.41, 0.61), (0.4, 0.6), (0.37, 0.6), (0.36, 0.6), (0.36, 0.66)]):
        one.last_time = i / 5
        one.box = (x, foot - 0.2, x + 0.1, foot)
        life.seen(at(i / 5))
    assert [t for t, _, _ in life.view(stale=False).path] == pytest.approx([0.0, 0.6, 1.0])


def test_a_zone_that_was_left_is_told_with_the_next_update() -> None:
    lives, one = Lives({0: LabelRule(0.5)}, views=False), track()
    for i in range(3):
        see(lives, one, i / 5)
    lives.entered(1e9, one, "porch", 0.0)
    lives.updates(at(10.0))
    lives.left(1e9, one, "porch", 6.0)
    (told,) = lives.updates(at(20.0))
    assert told.track.zones == (("porch", 6.0),)


@pytest.mark.parametrize("views", [False, True])
def test_views_are_offered_only_where_snapshots_are_wanted(views: bool) -> None:
    lives, one = Lives({0: LabelRule(0.5)}, views=views), track()
    offered = [len(lives.seen(at(i / 5), SIZE, [(one, True)])[1]) for i in range(3)]
    assert offered == [0, 1 if views else 0, 0]


def test_nothing_is_stale_before_anything_was_known() -> None:
    blind = Staleness()
    assert not blind.lasts(1e6)
    assert not blind.over(1e6)


def test_stale_after_silence_but_not_for_a_slow_camera() -> None:
    blind = Staleness()
    for now in (10.0, 10.2):
        blind.known(now)
    assert not blind.lasts(10.2 + STALE)
    assert blind.lasts(10.3 + STALE)
    slow = Staleness()
    for now in (5.0, 10.0, 15.0):
        slow.known(now)
    assert not slow.lasts(25.0)
    assert slow.lasts(30.1)
    slow.arrived(20.0)
    assert not slow.over(20.0 + GIVEN_UP)
    assert slow.over(20.1 + GIVEN_UP)


def test_after_an_outage_the_next_one_is_told_as_soon() -> None:
    blind = Staleness()
    for now in (10.0, 10.2, 10.4, 70.0):
        blind.known(now)
    assert not blind.lasts(70.0 + STALE)
    assert blind.lasts(70.1 + STALE)
