"""What a scene wants of a frame, with a real worker: nothing, crops, crops that fail, and the last word.

The engine behind the worker is the scripted fake, which answers with the colour of what it is shown; the scenes are the
real one with other requests. What a real network finds in crops is tests/bench/regions.py.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from agent.capture.frame import Frame, Motion, Picture
from agent.dispatch.gallery import Gallery
from agent.perception.facts import WHOLE, Box, Facts, Happening, Kind, Moment, TrackView, View
from agent.perception.scene import Scene
from agent.perception.settings import LabelRule, Settings
from backends.artifact import Artifact
from backends.detections import Detections, Unknown
from backends.testing.model import boxes_model
from tests.support.rig import FAKE, Rig, frame

THIRDS: tuple[Box, ...] = ((0.0, 0.0, 0.25, 1.0), (0.25, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0))


class Wishing(Scene):
    """The real scene, but for what it wants and what it says."""

    def __init__(self, crops: Sequence[Box] = (WHOLE,)) -> None:
        super().__init__(Settings({0: LabelRule(0.0)}))
        self.crops = tuple(crops)
        self.updated: list[Detections | Unknown] = []
        self.idled: list[float] = []
        self.says: Callable[[Detections | Unknown], Facts] = Facts
        self.fault = ""

    def wants(self, at: Moment, motion: Sequence[Box] | None, *_: object, **__: object) -> tuple[Box, ...]:
        if self.fault:
            raise RuntimeError(self.fault)
        return () if motion is not None and not motion else self.crops

    def update(self, at: Moment, size: tuple[int, int], seen: Detections | Unknown) -> Facts:
        self.updated.append(seen)
        return self.says(seen)

    def idle(self, now: float, wall: float, waiting: float | None = None, interval: float = 0.0) -> Facts | None:
        self.idled.append(now)
        return None

    def stop(self, wall: float) -> Facts | None:
        return Facts(Unknown("stopped"))


def scene_of(rig: Rig, lane: int = 0) -> Wishing:
    scene = rig.lanes[lane].scene
    assert isinstance(scene, Wishing)
    return scene


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return boxes_model(tmp_path_factory.mktemp("model"))


Start = Callable[..., Rig]


@pytest.fixture
def start(artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a rig of scripted fakes. script: the fake's; crops: what every scene wants."""
    made: list[Rig] = []
    monkeypatch.setenv("VEDETTE_FAKE", str(tmp_path / "script.json"))

    def started(cameras: dict[str, bool], crops: Sequence[Box] = (WHOLE,), **script: object) -> Rig:
        (tmp_path / "script.json").write_text(json.dumps(script))
        made.append(Rig(artifact, cameras, FAKE, lambda _: Wishing(crops)))
        return made[-1]

    yield started
    for rig in made:
        rig.dispatcher.stop()
        assert rig.dispatcher.join(5)


def bands(camera: str, index: int, levels: Sequence[int]) -> Frame:
    """Upright bands of gray, a quarter, a quarter and a half of the picture wide."""
    y = np.empty((64, 384), np.uint8)
    y[:, :96], y[:, 96:192], y[:, 192:] = levels
    now = time.monotonic()
    picture = Picture(y, None, None, None, True, None)
    return Frame(camera, index, picture, 384, 64, 0, time.time(), now, float(index))


def test_crops_of_a_frame_are_one_answer_in_capture_order(start: Start) -> None:
    """Two streams, three crops a frame: each crop's answer lies where the crop was, and no frame passes another."""
    rig = start({"a": False}, THIRDS, streams=2)
    rig.dispatcher.start()
    rig.until_serving()
    for i in range(40):
        assert rig.lanes[0].mailbox.put(bands("a", i, (10 + i, 100 + i, 200 + i)), 20)
    results = rig.wait_for("a", 40)
    assert [r.frame.index for r in results] == list(range(40))
    for i, seen in enumerate(scene_of(rig).updated):
        assert isinstance(seen, Detections)
        found = sorted(((x1, x2) for x1, _, x2, _ in seen.xyxy.tolist()), key=lambda x: x[1])
        expected = [
            (left + width * level / 510, left + width * (0.5 + level / 510))
            for left, width, level in ((0, 0.25, 10 + i), (0.25, 0.25, 100 + i), (0.5, 0.5, 200 + i))
        ]
        np.testing.assert_allclose(found, expected, atol=0.005)
    lane = rig.lanes[0]
    assert (lane.inferred, lane.inferences, lane.unknown) == (40, 120, 0)
    assert all(r.queue_ms >= 0 and r.inference_ms > 0 and r.backend == "openvino" for r in results)
    rig.until(lambda: rig.dispatcher.idle)


def test_a_frame_that_is_begun_is_finished_before_another_cameras(start: Start) -> None:
    """On one stream: whenever a frame has its answer, no other frame is half answered."""
    rig = start({"a": True, "b": True}, THIRDS, run="slow:0.02")
    answered: list[tuple[int, ...]] = []

    def says(seen: Detections | Unknown) -> Facts:
        answered.append(tuple(lane.inferences for lane in rig.lanes))
        return Facts(seen)

    for i in range(2):
        scene_of(rig, i).says = says
    rig.dispatcher.start()
    rig.until_serving()
    for i in range(12):
        for lane in rig.lanes:
            lane.mailbox.put(frame(lane.camera, i, 100), 0)
        time.sleep(0.03)
    rig.until(lambda: rig.dispatcher.idle)
    assert min(lane.inferred for lane in rig.lanes) >= 2
    assert abs(rig.lanes[0].inferred - rig.lanes[1].inferred) <= 1
    assert all(runs % 3 == 0 for row in answered for runs in row)


def test_a_crop_that_fails_makes_the_frame_unknown_and_only_that_frame(start: Start, tmp_path: Path) -> None:
    rig = start({"a": False}, THIRDS, streams=2, run="retriable", after=5)
    rig.dispatcher.start()
    rig.until_serving()
    assert rig.lanes[0].mailbox.put(frame("a", 0, 100), 20)
    rig.wait_for("a", 1)  # else a crop of the second might be run before its last
    for i in (1, 2):
        assert rig.lanes[0].mailbox.put(frame("a", i, 100), 20)
    rig.wait_for("a", 3)
    (tmp_path / "script.json").write_text(json.dumps({"streams": 2}))
    assert rig.lanes[0].mailbox.put(frame("a", 3, 100), 20)
    results = rig.wait_for("a", 4)
    assert [isinstance(r.facts.seen, Detections) for r in results] == [True, False, False, True]
    assert [r.frame.index for r in results] == [0, 1, 2, 3]
    assert (results[1].backend, results[1].queue_ms, results[1].inference_ms) == ("", 0, 0)
    assert (rig.lanes[0].inferred, rig.lanes[0].unknown) == (2, 2)
    rig.until(lambda: rig.dispatcher.idle)


def test_an_engine_killed_between_two_crops(start: Start) -> None:
    """The first has been answered, the second is out, the third was never sent: nobody knows, and life goes on."""
    rig = start({"a": True}, THIRDS, run="slow:0.3")
    rig.dispatcher.start()
    rig.until_serving()
    rig.lanes[0].mailbox.put(frame("a", 0, 100), 0)
    rig.until(lambda: rig.lanes[0].inferences == 1)
    worker = rig.engine._worker
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    (lost,) = rig.wait_for("a", 1)
    assert lost.facts.seen == Unknown("engine: killed by SIGKILL, as when memory runs out")
    assert lost.frame.index == 0
    rig.until(lambda: rig.dispatcher.idle)
    rig.until(lambda: rig.engine.state != "serving")
    rig.until_serving()
    rig.lanes[0].mailbox.put(frame("a", 1, 100), 0)
    rig.until(lambda: bool(rig.inferred("a")))
    assert rig.inferred("a")[0].frame.index == 1
    assert rig.lanes[0].inferences == 4


def test_a_gated_camera_says_so_each_second_and_the_next_that_moves_is_looked_at_at_once(start: Start) -> None:
    rig = start({"a": True})
    rig.lanes[0].fps = 2
    rig.dispatcher.start()
    rig.until_serving()
    stop, index = time.monotonic() + 1.5, 0
    while time.monotonic() < stop:
        rig.lanes[0].mailbox.put(frame("a", index, 100, Motion()), 0)
        index += 1
        time.sleep(0.02)
    gated = list(rig.results["a"])
    assert 1 <= len(gated) <= 2
    assert all(r.facts.seen == Unknown("gated") and r.frame.picture.y.size == 0 for r in gated)
    assert scene_of(rig).updated == []
    assert rig.lanes[0].gated > 30
    assert rig.lanes[0].mailbox.dropped["gated"] == rig.lanes[0].gated
    rig.lanes[0].mailbox.put(frame("a", index, 100, Motion((WHOLE,))), 0)
    rig.until(lambda: bool(rig.inferred("a")), 0.4)
    assert [r.frame.index for r in rig.results["a"]] == sorted(r.frame.index for r in rig.results["a"])


def test_at_the_end_each_scene_has_the_last_word(start: Start) -> None:
    rig = start({"a": True, "b": True}, run="slow:0.4")
    rig.dispatcher.start()
    rig.until_serving()
    rig.lanes[0].mailbox.put(frame("a", 0, 100), 0)
    rig.until(lambda: bool(rig.lanes[0].jobs))
    rig.dispatcher.stop()
    assert rig.dispatcher.join(3)
    assert [(camera, facts.seen) for camera, facts, _ in rig.facts] == [
        ("a", Unknown("stopped")),
        ("b", Unknown("stopped")),
    ]
    assert scene_of(rig).updated == []  # what was in flight is dropped


def test_time_passes_for_a_scene_without_frames_and_without_an_engine(start: Start) -> None:
    rig = start({"a": True}, probe="unavailable")
    rig.dispatcher.start()
    time.sleep(1.6)
    idled = scene_of(rig).idled
    assert len(idled) >= 2
    assert np.diff(idled).max() <= 1.0


def test_a_scene_with_a_bug_ends_the_thread_for_all_to_see(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    rig = start({"a": True, "b": True})
    scene_of(rig).fault = "a bug"
    rig.dispatcher.start()
    rig.until_serving()
    rig.lanes[0].mailbox.put(frame("a", 0, 100), 0)
    rig.until(lambda: not rig.dispatcher.alive)
    assert "this is a bug in Vedette" in caplog.text
    assert [camera for camera, _, _ in rig.facts] == ["a", "b"]


def happening(kind: Kind) -> Happening:
    box = (0.25, 0.25, 0.5, 0.75)
    track = TrackView(7, 0, 0.9, 0.9, box, 0.0, 1.0, 1.0, False, False, (), (), ())
    return Happening(kind, 0.0, track, (64, 48))


def test_the_pixels_of_a_better_view_come_with_what_happens(start: Start) -> None:
    rig = start({"a": False})
    rig.lanes[0].gallery = Gallery(crop=True)
    best = (View(7, (0.25, 0.25, 0.5, 0.75), 0.5),)
    told = iter(
        [
            Facts(Detections.empty(), views=best),
            Facts(Detections.empty(), happenings=(happening("track.started"),)),
            Facts(Detections.empty(), happenings=(happening("track.ended"),)),
            Facts(Detections.empty(), happenings=(happening("track.ended"),)),
        ]
    )
    scene_of(rig).says = lambda _: next(told)
    rig.dispatcher.start()
    rig.until_serving()
    for i, luma in enumerate((200, 50, 60, 70)):
        assert rig.lanes[0].mailbox.put(frame("a", i, luma), 20)
    results = rig.wait_for("a", 4)
    assert [list(r.pictures) for r in results] == [[], [7], [7], []]
    assert results[1].pictures[7].image.mean() == pytest.approx((200 - 16) * 255 / 219, abs=2)


def test_without_snapshots_the_decoder_has_its_memory_back_before_the_answer(start: Start) -> None:
    rig = start({"a": False}, THIRDS, run="slow:0.2")
    rig.dispatcher.start()
    rig.until_serving()
    assert rig.lanes[0].mailbox.put(frame("a", 0, 100), 20)
    rig.until(lambda: bool(rig.lanes[0].jobs) and rig.lanes[0].jobs[0].all_sent)
    rig.until(lambda: rig.lanes[0].jobs[0].frame.picture.y.size == 0, 0.15)
