"""The dispatch thread with a real worker and a real engine; only the cameras are this test's."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agent.capture.frame import Picture
from agent.dispatch.result import Result
from agent.perception.facts import Count
from backends.artifact import Artifact
from backends.detections import Detections, Unknown
from tests.contract.backends.models import boxes_model
from tests.support.rig import Rig, frame

GRAY = 16 + np.arange(220)  # the luma of limited range


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return boxes_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return boxes_model(tmp_path_factory.mktemp("slow"), busy=12)


@pytest.fixture
def rigs() -> Iterator[list[Rig]]:
    made: list[Rig] = []
    yield made
    for rig in made:
        rig.dispatcher.stop()
        assert rig.dispatcher.join(5)


def is_stopgap(result: Result) -> bool:
    """Said since a second has passed without an answer: on a slow machine that may be at any time."""
    seen = result.facts.seen
    return isinstance(seen, Unknown) and seen.reason in {"engine loading", "engine busy"}


def test_where_every_frame_counts_none_is_lost_and_the_order_stays(artifact: Artifact, rigs: list[Rig]) -> None:
    """Two streams answer out of order; the scene must not see that, and each answer belongs to its frame."""
    rig = Rig(artifact, {"a": False})
    rigs.append(rig)
    rig.dispatcher.start()
    rig.until_serving()
    for i in range(200):
        assert rig.lanes[0].mailbox.put(frame("a", i, int(GRAY[i])), 20)
    results = [r for r in rig.wait_for("a", 200) if isinstance(r.facts.seen, Detections)]
    assert [r.frame.index for r in results] == list(range(200))
    brightness = [float(r.facts.seen.confidence[0]) for r in results if isinstance(r.facts.seen, Detections)]
    np.testing.assert_allclose(brightness, np.arange(200) / 219, atol=0.02)
    assert rig.lanes[0].mailbox.dropped == dict.fromkeys(("overtaken", "busy", "rate", "gated"), 0)
    assert all(r.queue_ms >= 0 and r.inference_ms > 0 for r in results)


def test_live_frames_are_the_newest_and_cameras_take_turns(slow: Artifact, rigs: list[Rig]) -> None:
    rig = Rig(slow, {"a": True, "b": True, "c": True}, mode="latency", threads=1)
    rigs.append(rig)
    rig.dispatcher.start()
    rig.until_serving()
    deadline, index = time.monotonic() + 30.0, 0
    counts = [0]
    while min(counts) < 5 and time.monotonic() < deadline:
        for lane in rig.lanes:
            lane.mailbox.put(frame(lane.camera, index, 100), 0)
        index += 1
        time.sleep(0.005)
        counts = [len(rig.inferred(camera)) for camera in "abc"]
    assert min(counts) >= 5
    assert max(counts) - min(counts) <= 2
    assert all(lane.mailbox.dropped["busy"] > 0 for lane in rig.lanes)
    for camera in "abc":
        found = [r.frame.index for r in rig.inferred(camera)]
        assert found == sorted(set(found))


def test_a_worker_killed_while_serving_is_replaced_and_its_frames_are_unknown(slow: Artifact, rigs: list[Rig]) -> None:
    rig = Rig(slow, {"a": False})
    rigs.append(rig)
    rig.dispatcher.start()
    feeding = threading.Thread(
        target=lambda: [rig.lanes[0].mailbox.put(frame("a", i, 50), 30) for i in range(50)], daemon=True
    )
    feeding.start()
    rig.wait_for("a", 20)
    worker = rig.engine._worker
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while not (rig.inferred("a") and rig.inferred("a")[-1].frame.index == 49):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    answers = [r for r in rig.results["a"] if not is_stopgap(r)]
    lost = [r for r in answers if isinstance(r.facts.seen, Unknown)]
    assert 1 <= len(lost) <= 3
    assert all(r.facts.seen == Unknown("engine: killed by SIGKILL, as when memory runs out") for r in lost)
    assert [r.frame.index for r in answers] == list(range(50))
    assert rig.engine.counters.restarts == 1
    assert not Path(f"/proc/{worker.pid}").exists()


def test_a_picture_that_cannot_be_scaled_costs_its_own_answer_only(artifact: Artifact, rigs: list[Rig]) -> None:
    rig = Rig(artifact, {"a": False})
    rigs.append(rig)
    rig.dispatcher.start()
    rig.until_serving()
    for i in range(9):
        made = frame("a", i, 100)
        if i == 4:
            made = replace(made, picture=Picture(np.empty((0, 0), np.uint8), None, None, None, False, None))
        assert rig.lanes[0].mailbox.put(made, 20)
    results = rig.wait_for("a", 9)
    assert [r.frame.index for r in results] == list(range(9))
    assert [r.frame.index for r in results if isinstance(r.facts.seen, Unknown)] == [4]


def test_a_camera_nobody_looks_at_says_so_each_second(artifact: Artifact, rigs: list[Rig]) -> None:
    rig = Rig(artifact, {"a": True}, "backends.nowhere:Nothing")
    rigs.append(rig)
    rig.dispatcher.start()
    stop = time.monotonic() + 2.6
    while time.monotonic() < stop:
        rig.lanes[0].mailbox.put(frame("a", 0, 50), 0)
        time.sleep(0.03)
    assert 2 <= len(rig.results["a"]) <= 4
    assert all(
        isinstance(r.facts.seen, Unknown) and r.facts.seen.reason.startswith("engine ") for r in rig.results["a"]
    )


def test_a_camera_whose_frame_is_not_answered_says_so_each_second(slow: Artifact, rigs: list[Rig]) -> None:
    """Also one whose frame waits behind those of others: no rate is configured."""
    rig = Rig(slow, dict.fromkeys("abcd", True))
    rigs.append(rig)
    rig.dispatcher.start()
    rig.until_serving()
    rig.lanes[0].mailbox.put(frame("a", 0, 50), 0)
    rig.wait_for("a", 1)
    worker = rig.engine._worker
    assert worker is not None
    os.kill(worker.pid, signal.SIGSTOP)
    before, stop = len(rig.results["a"]), time.monotonic() + 2.6
    try:
        while time.monotonic() < stop:
            for lane in rig.lanes:
                lane.mailbox.put(frame(lane.camera, 1, 50), 0)
            time.sleep(0.03)
    finally:
        os.kill(worker.pid, signal.SIGCONT)
    for camera, first in {"a": before, "b": 0, "c": 0, "d": 0}.items():
        silent = [r.facts.seen for r in rig.results[camera][first:] if isinstance(r.facts.seen, Unknown)]
        assert len(silent) >= 2
        assert {seen.reason for seen in silent} == {"engine busy"}


def test_who_is_in_a_file_leaves_with_its_end_though_another_camera_goes_on(
    artifact: Artifact, rigs: list[Rig]
) -> None:
    rig = Rig(artifact, {"clip": False, "yard": True})
    rigs.append(rig)
    rig.dispatcher.start()
    for i in range(6):
        assert rig.lanes[0].mailbox.put(frame("clip", i, 200), 5)
    rig.wait_for("clip", 6)
    assert not [facts for _, facts, _ in rig.facts if facts.happenings]
    rig.lanes[0].mailbox.ended = True
    rig.lanes[0].mailbox.wake()
    rig.until(lambda: any(facts.happenings for _, facts, _ in rig.facts))
    (camera, facts, _) = next(told for told in rig.facts if told[1].happenings)
    assert (camera, {h.end_reason for h in facts.happenings if h.kind == "track.ended"}) == ("clip", {"stopped"})
    assert all(count.stale for count in facts.counts if isinstance(count, Count))
