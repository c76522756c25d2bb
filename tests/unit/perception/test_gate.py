from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.perception import gate as gate_module
from agent.perception.facts import Box
from agent.perception.gate import ALIVE, LONG, PAUSE, PAUSES, RECHECK, STILL, UNSETTLED, Gate
from agent.perception.track import Track

BOX = (0.4, 0.4, 0.5, 0.7)
ELSEWHERE = (0.8, 0.1, 0.9, 0.3)


def track(box: Box = BOX, last: float = 0.0, hits: int = 20, still: float | None = None, id_: int = 1) -> Track:
    return Track(id_, 0, box, 0.9, -10.0, last, hits, still)


def shifted(box: Box, x: float, y: float = 0.0) -> Box:
    return (box[0] + x, box[1] + y, box[2] + x, box[3] + y)


def asked(
    gate: Gate,
    at: float,
    motion: list[Box] | None = None,
    tracks: list[Track] | None = None,
    predicted: list[Box] | None = None,
    unsettled: bool = False,
    due: tuple[float, ...] = (),
) -> bool:
    tracks = tracks or []
    boxes = [t.box for t in tracks] if predicted is None else predicted
    expected = np.array(boxes, np.float32).reshape(-1, 4)
    return gate.wants(at, motion, tracks, expected, due, unsettled=unsettled)


def after_a_look(*tracks: Track, tentative: bool = False) -> Gate:
    """Looked at time 0."""
    gate = Gate()
    assert asked(gate, 0.0, [], list(tracks))
    gate.looked(0.0, tracks, tentative=tentative)
    return gate


def test_nobody_who_watches_for_motion_means_every_frame() -> None:
    gate = after_a_look()
    assert all(asked(gate, n / 25, None) for n in range(50))


def test_the_first_frame_is_wanted() -> None:
    assert asked(Gate(), 123.0, [])


def test_an_empty_scene_is_looked_at_again_after_a_while() -> None:
    gate, looks = after_a_look(), []
    for n in range(1, 25 * 60):
        if asked(gate, n / 25, []):
            looks.append(n / 25)
            gate.looked(n / 25, [], tentative=False)
    assert np.allclose(np.diff([0.0, *looks]), RECHECK, atol=0.05)


def test_unknown_answers_leave_the_frame_owed() -> None:
    gate = after_a_look()
    assert asked(gate, RECHECK, [])
    assert not asked(gate, RECHECK + 0.04, []), "that look is on its way"
    gate.unanswered()
    assert asked(gate, RECHECK + 0.08, []), "nobody has looked yet"


def test_what_moved_in_a_frame_nobody_could_say_anything_of_is_looked_at_in_the_next() -> None:
    gate = after_a_look()
    assert asked(gate, 0.2, [BOX])
    gate.unanswered()
    assert asked(gate, 0.24, [])
    assert not asked(gate, 0.28, []), "that look is on its way"
    gate.looked(0.24, [], tentative=False)
    assert not asked(gate, 0.32, [])


def test_a_later_answer_pays_what_is_owed() -> None:
    gate = after_a_look()
    assert asked(gate, 0.2, [BOX])
    gate.unanswered()
    gate.looked(0.24, [], tentative=False)
    assert not asked(gate, 0.28, [])


@pytest.mark.parametrize(
    ("tracks", "predicted", "motion", "wanted"),
    [
        ([], [], [], False),
        ([], [], [BOX], True),
        ([track()], [BOX], [], False),
        ([track()], [BOX], [BOX], False),
        ([track()], [BOX], [(0.38, 0.38, 0.52, 0.72)], False),
        ([track()], [BOX], [(0.4, 0.4, 0.8, 0.7)], True),
        ([track()], [BOX], [BOX, ELSEWHERE], True),
        ([track()], [shifted(BOX, 0.01)], [BOX], False),
        ([track()], [shifted(BOX, 0.08)], [BOX], True),
        ([track()], [shifted(BOX, 0, 0.2)], [], True),
        ([track()], [(0.33, 0.3, 0.55, 0.75)], [BOX], True),
        ([track(hits=2)], [BOX], [], True),
        ([track(last=-0.1)], [BOX], [], True),
        ([track(still=-5.0)], [shifted(BOX, 0.08)], [], False),
        ([track(still=-5.0)], [BOX], [ELSEWHERE], True),
        ([track(), track(ELSEWHERE, id_=2)], [BOX, ELSEWHERE], [BOX, ELSEWHERE], False),
    ],
    ids=[
        "nothing",
        "motion",
        "a track, no motion",
        "its motion",
        "its motion, shadow included",
        "more motion than its own",
        "motion elsewhere too",
        "moved a little",
        "moved far",
        "far without motion",
        "grown",
        "young",
        "missed",
        "still, whatever is predicted",
        "still, motion elsewhere",
        "two and their motion",
    ],
)
def test_a_tenth_of_a_second_after_a_look(
    tracks: list[Track], predicted: list[Box], motion: list[Box], wanted: bool
) -> None:
    gate = after_a_look(*tracks)
    assert asked(gate, 0.1, motion, tracks, predicted) is wanted


def test_a_detection_without_id_is_looked_at_again_at_once() -> None:
    gate = after_a_look(tentative=True)
    assert asked(gate, 0.04, [])
    gate.looked(0.04, [], tentative=False)
    assert not asked(gate, 0.08, [])


def test_a_moving_track_is_looked_at_each_second_a_still_one_at_the_recheck() -> None:
    for still, expected in ((None, ALIVE), (-5.0, RECHECK)):
        one = track(still=still)
        gate = after_a_look(one)
        wanted = next(n / 25 for n in range(1, 1000) if asked(gate, n / 25, [], [one]))
        assert wanted == pytest.approx(expected, abs=0.05)


def test_a_look_that_is_waited_for_comes_when_it_is_due_and_each_second_until_it_is_of_use() -> None:
    one = track(still=-5.0)
    gate = after_a_look(one)
    looks = []
    for n in range(1, 100):
        if asked(gate, n / 25, [], [one], due=(0.0, 1.5)):
            one.last_time = n / 25
            looks.append(n / 25)
            gate.looked(n / 25, [one], tentative=False)
    assert np.allclose(looks, [1.0, 1.52, 2.52, 3.52])
    assert not asked(gate, 4.0, [], [one], due=(9.0,))


def test_a_track_of_which_each_look_tells_is_looked_at_often_for_as_long_as_looks_see_it() -> None:
    one = track()
    gate = after_a_look(one)
    wants = [n for n in range(1, 50) if gate.wants(n / 25, [], [one], np.array([BOX], np.float32), watched=[1])]
    assert wants[0] == 4, "0.15 s"
    assert max(np.diff(wants)) <= 5
    assert not gate.wants(2.4, [], [], np.empty((0, 4), np.float32), watched=[1]), "nobody has that number any more"
    gate = after_a_look(one)
    gate.looked(0.4, [one], tentative=False)
    assert not gate.wants(0.8, [], [one], np.array([BOX], np.float32), watched=[1]), "it was missed, and is searched"


def test_a_look_that_is_waited_for_and_under_way_is_not_asked_for_again() -> None:
    gate = after_a_look()
    assert asked(gate, 0.2, [], due=(0.2,))
    assert not asked(gate, 0.24, [], due=(0.2,))


def test_a_track_is_not_still_for_longer_than_somebody_has_looked() -> None:
    """Who walks slowly away from the camera seems to stand for a second; unseen, that must not become two."""
    for still, wanted in ((0.1 - STILL, True), (-STILL, False)):
        one = track(still=still)
        assert asked(after_a_look(one), ALIVE, [], [one]) == wanted


def test_a_still_track_that_stirs_is_looked_at_soon() -> None:
    one = track(still=-5.0)
    gate = after_a_look(one)
    assert any(asked(gate, n / 25, [BOX], [one]) for n in range(1, 10))


def test_a_missed_track_is_searched_at_once_then_less_often() -> None:
    one = track()
    gate, looks = after_a_look(one), []
    gate.looked(0.04, [one], tentative=False)
    for n in range(2, 100):
        if asked(gate, n / 25, [], [one]):
            looks.append(n)
            gate.looked(n / 25, [one], tentative=False)
    assert looks[0] == 2
    assert len(looks) <= 20
    assert max(np.diff(looks)) <= 13


def test_who_is_seen_in_every_second_look_only_is_not_searched_at_once() -> None:
    one = track()
    gate = after_a_look(one)
    for n in range(1, 12):
        gate.looked(n / 25, [one := replace(one, last_time=n / 25) if n % 2 else one], tentative=False)
    gate.looked(12 / 25, [one], tentative=False)
    looks = [n for n in range(13, 40) if asked(gate, n / 25, [], [one])]
    assert looks[0] == 25


def test_what_the_model_does_not_know_is_looked_at_less_and_less_though_it_moves_on() -> None:
    gate, looks = after_a_look(), []
    for n in range(1, 1000):
        at, box = n / 25, shifted((0.0, 0.4, 0.05, 0.5), n / 25 * 0.02)
        if asked(gate, at, [box]):
            looks.append(at)
            gate.looked(at, [], tentative=False)
    assert looks[0] == 1 / 25
    pauses = np.diff(looks)
    for (before, _), (until, pause) in itertools.pairwise(PAUSES):
        assert pauses[before - 1 : until - 1] == pytest.approx(pause, abs=0.05)
    assert pauses[PAUSES[-1][0] - 1 :] == pytest.approx(PAUSE, abs=0.05)
    assert len(looks) < 60


def test_what_was_dismissed_is_looked_at_again_when_it_grows_or_comes_back() -> None:
    gate = after_a_look()
    for n in range(1, 40):
        if asked(gate, n / 25, [BOX]):
            gate.looked(n / 25, [], tentative=False)
    assert not asked(gate, 40 / 25, [BOX])
    assert asked(gate, 41 / 25, [(0.33, 0.3, 0.55, 0.75)]), "it has grown"
    later = next(n / 25 for n in itertools.count(200) if not asked(gate, n / 25, []))
    assert asked(gate, later, [BOX]), "something new in its place"


def test_an_unsettled_picture_is_looked_at_now_and_then_and_once_it_has_settled() -> None:
    gate, looks = after_a_look(), []
    for n in range(1, round(25 * LONG)):
        if asked(gate, n / 25, [], unsettled=True):
            looks.append(n / 25)
            gate.looked(n / 25, [], tentative=False)
    assert np.allclose(np.diff(looks), UNSETTLED, atol=0.05)
    assert len(looks) >= 2
    assert asked(gate, LONG, [])
    gate.looked(LONG, [], tentative=False)
    assert not asked(gate, LONG + 0.04, [])


def test_an_unsettled_picture_with_somebody_in_it_is_looked_at_always() -> None:
    one = track()
    gate = after_a_look(one)
    assert asked(gate, 0.04, [], [one], unsettled=True)


def test_a_picture_that_never_settles_is_looked_at_always() -> None:
    gate = after_a_look()
    wanted = [asked(gate, n / 25, [], unsettled=True) for n in range(1, 100)]
    assert all(wanted[round(25 * LONG) :])


def test_a_clock_that_goes_back_is_looked_at() -> None:
    gate = after_a_look()
    assert asked(gate, -5.0, [])


SPAN = st.tuples(st.floats(0, 0.8), st.floats(0, 0.8), st.floats(0, 0.2), st.floats(0, 0.2))
BOXES = SPAN.map(lambda s: (s[0], s[1], s[0] + s[2], s[1] + s[3]))


@given(
    steps=st.lists(st.tuples(st.floats(-1, 4), st.lists(BOXES, max_size=16), st.booleans()), max_size=30),
    tracks=st.lists(BOXES, max_size=3),
)
def test_whatever_comes_nothing_is_left_unlooked_at_for_longer_than_the_recheck(
    steps: list[tuple[float, list[Box], bool]], tracks: list[Box]
) -> None:
    gate, at, looked = Gate(), 0.0, None
    known = [track(box, id_=n) for n, box in enumerate(tracks)]
    for step, motion, unsettled in steps:
        at += step
        known = [replace(one, last_time=at) for one in known]
        if asked(gate, at, motion, known, unsettled=unsettled):
            looked = at
            gate.looked(at, known, tentative=False)
        assert looked is not None
        assert at - looked < RECHECK


def test_where_tracks_may_be_is_reckoned_once_a_frame_however_much_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    tracks = [track(shifted(BOX, n / 100), id_=n) for n in range(30)]
    gate, reckoned, union = after_a_look(*tracks), [], gate_module.union
    monkeypatch.setattr(gate_module, "union", lambda *boxes: reckoned.append(boxes) or union(*boxes))
    asked(gate, 0.1, [BOX] * 16, tracks)
    assert len(reckoned) == len(tracks)
