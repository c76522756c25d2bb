from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from agent.capture.frame import Frame, Motion, Picture
from agent.capture.mailbox import Mailbox
from agent.dispatch.fair_queue import FairQueue
from agent.dispatch.gallery import Gallery
from agent.dispatch.job import Job
from agent.dispatch.lane import Lane, moment
from agent.dispatch.requests import Tuning
from agent.dispatch.scene_updates import SceneUpdates
from agent.perception.facts import Count, Facts, Point
from agent.perception.scene import Scene
from agent.perception.settings import LabelRule, Settings
from backends.detections import Detections

INPUT = (300, 300)
PICTURE = Picture(np.zeros((2, 2), np.uint8), None, None, None, False, None)


def frame(camera: str, at: float, index: int = 0) -> Frame:
    return Frame(camera, index, PICTURE, 2, 2, 0, at, at, at)


def lane(camera: str, fps: float = 0) -> Lane:
    return Lane(camera, Mailbox(lambda: None, wait=False), Scene(Settings({0: LabelRule(0.5)})), fps, True, 0.1)


def test_an_overtaken_frame_keeps_its_cameras_turn() -> None:
    slow, busy = lane("slow"), lane("busy")
    busy.mailbox.put(frame("busy", 1.0), 0)
    slow.mailbox.put(frame("slow", 1.1), 0)
    busy.mailbox.put(frame("busy", 1.2), 0)
    assert FairQueue().next([slow, busy], 2.0) is busy
    assert busy.mailbox.take().monotonic == 1.2  # type: ignore[union-attr]
    assert busy.mailbox.dropped["overtaken"] == 1


@pytest.mark.parametrize(("fps", "expected"), [(0, 300), (5, 50), (7.5, 75), (30, 300)])
def test_the_rate_cap_is_met_over_time(fps: float, expected: int) -> None:
    """Ten seconds of a 30 fps camera: quantised pick-up must not lower the rate."""
    capped, taken = lane("a", fps), 0
    for i in range(300):
        now = i / 30
        capped.mailbox.put(frame("a", now), 0)
        if FairQueue().next([capped], now) is capped and capped.pick(INPUT, now) is not None:
            taken += 1
    assert abs(taken - expected) <= 2
    assert capped.mailbox.dropped["overtaken"] <= 1  # 30 of 30 fps: one may fall to rounding


@pytest.mark.parametrize("rate", [4.0, 4.97, 4.999, 5.0])
def test_a_cap_of_about_the_cameras_own_rate_loses_no_frame_that_comes_early(rate: float) -> None:
    capped, taken = lane("a", fps=5), 0
    random = np.random.default_rng(0)
    times = [n / rate + random.uniform(-0.02, 0.02) for n in range(1000)]
    for now, following in pairwise(times):
        capped.mailbox.put(frame("a", now), 0)
        if now <= (ready := capped.ready_at()) < following and capped.pick(INPUT, ready) is not None:
            taken += 1
    assert taken >= 990


def test_under_a_cap_a_file_at_full_speed_is_taken_at_that_rate() -> None:
    """Its frames are all older than the time at which they are due, and each waited an interval more."""
    capped, now, taken = lane("a", fps=5), 0.0, 0
    capped.mailbox = Mailbox(lambda: None, wait=True)
    while now < 10:
        capped.mailbox.put(frame("a", now), 0)
        now = max(now, capped.ready_at())
        assert FairQueue().next([capped], now) is capped
        assert capped.pick(INPUT, now) is not None
        taken += 1
    assert taken == pytest.approx(50, abs=2)


def test_under_a_cap_the_frame_is_fresh_and_the_last_one_is_not_forgotten() -> None:
    capped = lane("a", fps=5)
    capped.mailbox.put(frame("a", 10.0), 0)
    assert capped.pick(INPUT, 10.0) is not None
    due = capped.not_before
    assert 10.0 < due <= 10.2
    capped.mailbox.put(frame("a", due - 0.01), 0)
    assert FairQueue().next([capped], due + 0.001) is None
    assert FairQueue().next([capped], due + 0.2) is capped  # nothing newer came
    capped.mailbox.put(frame("a", due + 0.02), 0)
    assert FairQueue().next([capped], due + 0.02) is capped


def test_answers_leave_in_capture_order() -> None:
    ordered = lane("a")
    jobs = [Job(frame("a", n, n)) for n in range(3)]
    ordered.jobs.extend(jobs)
    jobs[1].seen = Detections.empty()
    assert ordered.settled() == []
    jobs[0].seen = Detections.empty()
    assert [job.frame.index for job in ordered.settled()] == [0, 1]
    assert [job.frame.index for job in ordered.jobs] == [2]


def looked(one: Lane, index: int) -> tuple[int, ...]:
    """The ids of those whose view of this look is worth keeping."""
    box = np.array([[0.4, 0.3, 0.5, 0.8]], np.float32)
    seen = Detections(box, np.array([0.9], np.float32), np.zeros(1, np.int32))
    facts = one.scene.update(moment(frame("a", index / 5, index)), (2, 2), seen)
    return tuple(view.track_id for view in facts.views)


@pytest.mark.parametrize(("private", "crop"), [((((0.0, 0.0), (0.1, 0.0), (0.1, 0.1)),), True), ((), False)])
def test_whose_picture_was_thrown_away_is_worth_another_one(private: tuple[tuple[Point, ...], ...], crop: bool) -> None:
    settings = Settings({0: LabelRule(0.5)}, snapshots=True, gate=True)
    one = Lane("a", Mailbox(lambda: None, wait=False), Scene(settings), 0, True, 0.1, gallery=Gallery(crop=True))
    assert [looked(one, n) for n in range(5)] == [(), (), (1,), (), ()]
    one.requests.tune(Tuning(settings, {}, 0, 0.1, 1.0, private, crop))
    one.apply_requests(1.0)
    assert one.scene.wants(moment(frame("a", 1.0)), [], (2, 2), INPUT), "though nothing moves"
    assert looked(one, 5) == (1,)
    one.requests.tune(Tuning(settings, {}, 0, 0.1, 1.0, private, None))
    one.apply_requests(1.0)
    assert one.gallery is None


class Serving:
    serving, state = True, "serving"


@pytest.mark.parametrize(("fps", "cap"), [(0.35, 0.0), (5.0, 0.3), (0.0, 0.1)], ids=["fps", "heat", "heat, no fps"])
def test_counts_of_a_camera_that_is_looked_at_seldom_are_not_stale_between_two_looks(fps: float, cap: float) -> None:
    settings = Settings({0: LabelRule(0.5)}, gate=True, told=frozenset({0}))
    one = Lane("a", Mailbox(lambda: None, wait=False), Scene(settings), fps, True, 0.1, cap=cap)
    told: list[bool] = []

    def heard(facts: Facts) -> None:
        told.extend(fact.stale for fact in facts.counts if isinstance(fact, Count))

    updates = SceneUpdates(lambda result: heard(result.facts), lambda _, facts, __: heard(facts))
    box = np.array([[0.4, 0.3, 0.5, 0.8]], np.float32)
    for tenth in range(900):
        now = 1000 + tenth / 10
        one.mailbox.put(replace(frame("a", now, tenth), motion=Motion()), 0)
        job = one.pick(INPUT, now) if now >= one.ready_at() else None
        if job is not None:
            job.seen = Detections(box, np.array([0.9], np.float32), np.zeros(1, np.int32))
        for job in one.settled():
            updates.answer(one, job, now)
        updates.report_silence(one, now, Serving())  # type: ignore[arg-type]
    assert told
    assert not any(told)
    for half in range(200):
        updates.report_silence(one, 1090 + half / 2, Serving())  # type: ignore[arg-type]
    assert told[-1], "nothing comes any more"


def test_who_is_seen_by_a_camera_that_is_switched_off_ends_as_stopped() -> None:
    """Once what the engine has yet is answered; a frame that comes after all is nobody's."""
    settings = Settings({0: LabelRule(0.5)}, told=frozenset({0}))
    one = Lane("a", Mailbox(lambda: None, wait=False), Scene(settings), 0, True, 0.1)
    told: list[Facts] = []
    updates = SceneUpdates(lambda result: told.append(result.facts), lambda _, facts, __: told.append(facts))
    box = np.array([[0.4, 0.3, 0.5, 0.8]], np.float32)
    seen = Detections(box, np.array([0.9], np.float32), np.zeros(1, np.int32))

    def pick(n: int) -> Job | None:
        one.mailbox.put(frame("a", n / 5, n), 0)
        return one.pick(INPUT, n / 5)

    def turn(job: Job | None = None) -> list[tuple[str, str | None]]:
        told.clear()
        if job is not None:
            job.seen = seen
        for settled in one.settled():
            updates.answer(one, settled, 1.0)
        updates.stop_if_over(one)
        return [(h.kind, h.end_reason) for facts in told for h in facts.happenings]

    def switch(*, on: bool) -> None:
        one.requests.tune(Tuning(settings, {}, 0, 0.1, 1.0, (), None, resting=not on))
        updates.apply_requests(one)

    for n in range(4):
        turn(pick(n))
    waiting = pick(4)
    switch(on=False)
    assert turn() == []
    assert turn(waiting) == [("track.ended", "stopped")]
    assert [c.stale for facts in told for c in facts.counts if isinstance(c, Count)] == [True, True]
    assert pick(5) is None
    assert turn() == []
    switch(on=False)
    assert turn() == []
    assert told == [], "nothing is said twice"
    switch(on=True)
    assert [turn(pick(n)) for n in range(6, 9)] == [[], [], [("track.started", None)]]
    switch(on=False)
    assert turn() == [("track.ended", "stopped")]


def test_a_frame_that_was_sent_before_snapshots_were_wanted_takes_nobodys_picture() -> None:
    """Its picture is gone by the answer; whoever is in view is worth the next one, though it is no better."""
    settings = Settings({0: LabelRule(0.5)}, snapshots=True)
    one = Lane("a", Mailbox(lambda: None, wait=False), Scene(settings), 0, True, 0.1)
    updates, held = SceneUpdates(lambda _: None, lambda *_: None), []
    for n in range(5):
        job = Job(frame("a", n / 5, n))
        job.seen = Detections(
            np.array([[0.4, 0.3, 0.5, 0.8]], np.float32), np.array([0.9], np.float32), np.zeros(1, np.int32)
        )
        if n < 3:
            job.release()
        if n == 2:
            one.gallery = Gallery(crop=True)
        updates.answer(one, job, n / 5)
        held.append(0 if one.gallery is None else len(one.gallery))
    assert held == [0, 0, 0, 1, 1]


def tuned(one: Lane, settings: Settings, fps: float) -> None:
    one.requests.tune(Tuning(settings, {}, fps, 0.1, 1.0, (), None))
    one.apply_requests(1.0)


@pytest.mark.parametrize(("fps", "ready"), [(5, 10.5), (0.1, 29.9)])
def test_another_rate_holds_at_once_and_another_setting_takes_no_frame_more(fps: float, ready: float) -> None:
    settings = Settings({0: LabelRule(0.5)})
    seldom = lane("a", fps=0.1)
    seldom.mailbox.put(frame("a", 10.0), 0)
    assert seldom.pick(INPUT, 10.0) is not None
    tuned(seldom, settings, fps)
    seldom.mailbox.put(frame("a", 10.5), 0)
    assert seldom.ready_at() == pytest.approx(ready)


def test_where_motion_matters_no_more_a_still_frame_is_looked_at() -> None:
    woken: list[None] = []
    settings = Settings({0: LabelRule(0.5)}, gate=True)
    one = Lane("a", Mailbox(lambda: woken.append(None), wait=False), Scene(settings), 0, True, 0.1)
    for n in range(100):
        one.mailbox.put(replace(frame("a", float(n), n), motion=Motion()), 0)
        job = one.pick(INPUT, float(n))
        if job is not None:
            job.seen = Detections.empty()
            one.scene.update(moment(job.frame), (2, 2), Detections.empty())
            one.settled()
    assert one.mailbox.doze
    tuned(one, replace(settings, gate=False), 0)
    woken.clear()
    one.mailbox.put(replace(frame("a", 100.0, 100), motion=Motion()), 0)
    assert woken
    assert one.pick(INPUT, 100.0) is not None
