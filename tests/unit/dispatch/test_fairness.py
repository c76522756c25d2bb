"""Who is next: shares by weight and by what a frame costs, and nobody starves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.capture.frame import Frame, Motion, Picture
from agent.capture.mailbox import Mailbox
from agent.dispatch.fair_queue import CLAIM, FairQueue
from agent.dispatch.lane import Lane
from agent.perception.facts import WHOLE, Box, Moment
from agent.perception.scene import Scene
from agent.perception.settings import Settings

PICTURE = Picture(np.zeros((2, 2), np.uint8), None, None, None, False, None)


class Wanting(Scene):
    """A scene that wants the same number of crops of each frame, or of the frames its `when` says."""

    def __init__(self, crops: int) -> None:
        super().__init__(Settings({}))
        self.crops = crops
        self.asked: list[object] = []

    def wants(
        self, at: Moment, motion: object, picture: tuple[int, int], model_input: object, *, unsettled: bool = False
    ) -> tuple[Box, ...]:
        self.asked.append((at, motion, picture, model_input, unsettled))
        return (WHOLE,) * self.crops


def lane(name: str, crops: int = 1, weight: float = 1.0, fps: float = 0.0) -> Lane:
    return Lane(name, Mailbox(lambda: None, wait=False), Wanting(crops), fps, True, 0.1, weight)


def frame(name: str, at: float, motion: Motion | None = None) -> Frame:
    return Frame(name, 0, PICTURE, 2, 2, 0, at, at, at, motion)


def serve(lanes: list[Lane], periods: list[float], service: float, frames: int) -> tuple[list[int], list[float]]:
    """An engine that is never idle. Returns the frames each lane had, and its longest wait between two."""
    now, due, turns = 0.0, [0.0] * len(lanes), [0] * len(lanes)
    queue = FairQueue()
    last, longest = [0.0] * len(lanes), [0.0] * len(lanes)
    for _ in range(frames):
        for i, period in enumerate(periods):
            while due[i] <= now:
                lanes[i].mailbox.put(frame(str(i), due[i]), 0)
                due[i] += period
        chosen = queue.next(lanes, now)
        if chosen is None:
            now += service
            continue
        i = int(chosen.camera)
        job = chosen.pick((2, 2), now)
        assert job is not None
        queue.charge(chosen, len(job.crops))
        turns[i] += 1
        longest[i], last[i] = max(longest[i], now - last[i]), now
        now += service * len(job.crops)
    return turns, longest


@pytest.mark.parametrize(
    ("crops", "weights"),
    [([1, 1, 1], [1, 1, 1]), ([1, 1, 1], [1, 2, 4]), ([1, 2, 3], [1, 1, 1]), ([2, 1, 2], [1, 0.5, 2])],
)
def test_a_busy_engines_time_is_shared_by_weight(crops: list[int], weights: list[float]) -> None:
    lanes = [lane(str(i), c, w) for i, (c, w) in enumerate(zip(crops, weights, strict=True))]
    turns, _ = serve(lanes, [0.04] * 3, 0.05, 1400)
    spent = np.array(turns) * crops
    np.testing.assert_allclose(spent / spent.sum(), np.array(weights) / sum(weights), atol=0.01)


@pytest.mark.parametrize("fps", [0.0, 5.0])
def test_weights_count_although_the_next_frame_comes_after_the_turn(fps: float) -> None:
    """Cameras of 10 fps on an engine that serves twenty frames a second."""
    lanes = [lane(str(i), 1, 2.0 if i == 0 else 1.0, fps) for i in range(8)]
    turns, _ = serve(lanes, [0.1] * 8, 1 / 20, 700)
    others = sum(turns[1:]) / 7
    assert 1.8 < turns[0] / others < 2.1
    assert max(turns[1:]) - min(turns[1:]) <= 3


few = st.integers(2, 6)


@settings(max_examples=25, deadline=None)
@given(st.data(), few, st.floats(0.01, 0.3))
def test_nobody_starves(data: st.DataObject, n: int, service: float) -> None:
    """Whatever the weights, the costs and the rates: no lane waits longer than its share of the others' time."""
    weights = data.draw(st.lists(st.floats(0.1, 10), min_size=n, max_size=n))
    crops = data.draw(st.lists(st.integers(1, 3), min_size=n, max_size=n))
    periods = data.draw(st.lists(st.floats(0.01, 0.5), min_size=n, max_size=n))
    lanes = [lane(str(i), c, w) for i, (c, w) in enumerate(zip(crops, weights, strict=True))]
    turns, longest = serve(lanes, periods, service, 150 * n)
    assert min(turns) > 0
    for i in range(n):
        share = weights[i] / sum(weights)
        fair = service * crops[i] / share
        claims = sum(weights) * CLAIM
        assert longest[i] <= fair + (sum(crops) + n + claims) * service + max(periods)


def test_gated_frames_are_taken_counted_and_cost_no_turn_under_a_cap() -> None:
    capped = lane("a", crops=0, fps=5)
    for i in range(10):
        capped.mailbox.put(frame("a", i / 30, Motion()), 0)
        assert capped.ready_at() <= i / 30
        assert capped.pick((2, 2), i / 30) is None
    assert (capped.gated, capped.mailbox.dropped["gated"]) == (10, 10)
    assert capped.gated_frame is not None
    assert capped.gated_frame.picture.y.size == 0  # the decoder has its memory back
    assert isinstance(capped.scene, Wanting)
    capped.scene.crops = 2
    capped.mailbox.put(frame("a", 10 / 30), 0)
    job = capped.pick((2, 2), 10 / 30)
    assert job is not None
    assert len(job.crops) == 2
    assert capped.gated_frame is None
    assert capped.not_before > 10 / 30


@pytest.mark.parametrize(
    ("motion", "told"),
    [
        (None, (None, False)),
        (Motion(((0, 0, 1, 1),)), (((0, 0, 1, 1),), False)),
        (Motion(unsettled=True), ((), True)),
        (Motion(), ((), False)),
    ],
)
def test_the_scene_is_asked_with_what_is_known(motion: Motion | None, told: tuple[object, bool]) -> None:
    asking = lane("a")
    asking.mailbox.put(frame("a", 1.0, motion), 0)
    asking.pick((300, 200), 1.0)
    assert isinstance(asking.scene, Wanting)
    assert asking.scene.asked == [(Moment(1.0, 1.0, 1.0), told[0], (2, 2), (300, 200), told[1])]


def test_an_idle_camera_is_next_at_once_but_has_no_claim_on_the_past() -> None:
    busy, seldom = lane("0"), lane("1")
    queue = FairQueue()
    order = []
    for i in range(40):
        busy.mailbox.put(frame("0", i), 0)
        if i >= 20:
            seldom.mailbox.put(frame("1", i), 0)
        chosen = queue.next([busy, seldom], i)
        assert chosen is not None
        chosen.pick((2, 2), i)
        queue.charge(chosen, 1)
        order.append(chosen.camera)
    assert order[20] == "1"
    assert abs(order[20:].count("1") - 10) <= 1
