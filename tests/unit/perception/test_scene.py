from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agent.perception.facts import WHOLE, Box, Count, Facts, LineCount, Moment, Occupancy
from agent.perception.scene import Scene
from agent.perception.settings import LabelRule, Line, Settings, Zone
from backends.detections import Detections, Unknown

SEEN = Detections(
    np.array([[0, 0, 1, 1], [0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], np.float32),
    np.array([0.9, 0.5, 0.49], np.float32),
    np.array([1, 0, 0], np.int32),
)
NOW = Moment(0.0, 1.0e9, 50.0)
SIZE = (640, 480)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({0: 0.5, 1: 0.5}, [1, 0]),
        ({0: 0.1, 1: 0.1}, [1, 0, 0]),
        ({0: 0.1}, [0, 0]),
        ({0: 0.1, 1: 0.95}, [0, 0]),
        ({0: 0.95, 1: 0.95}, []),
    ],
)
def test_only_what_the_camera_wants(rules: dict[int, float], expected: list[int]) -> None:
    found = Scene(Settings({c: LabelRule(least) for c, least in rules.items()})).update(NOW, SIZE, SEEN).seen
    assert isinstance(found, Detections)
    assert found.class_id.tolist() == expected


def test_unknown_is_not_empty() -> None:
    answer = Unknown("engine gone")
    assert Scene(Settings({0: LabelRule(0.5)})).update(NOW, SIZE, answer).seen is answer


PERSON = LabelRule(0.5)
ROOM = (Zone("right", ((0.6, 0.0), (1.0, 0.0), (1.0, 1.0), (0.6, 1.0))),)
DOOR = (Line("door", (0.5, 1.0), (0.5, 0.0)),)


def person(x: float) -> Box:
    return (x - 0.05, 0.4, x + 0.05, 0.8)


class Stage:
    """A scene, and looks at it `step` seconds apart."""

    def __init__(self, step: float = 0.2, **settings: object) -> None:
        self.scene = Scene(Settings({0: PERSON}, **settings))  # type: ignore[arg-type]
        self.step, self.n = step, 0
        self.told: list[str] = []
        self.counts: list[Count | Occupancy | LineCount] = []

    @property
    def now(self) -> Moment:
        return Moment(self.n * self.step, 1e9 + self.n * self.step, 50 + self.n * self.step)

    def look(self, *boxes: Box, confidence: float = 0.9, unknown: str = "") -> Facts:
        self.n += 1
        seen = Detections(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.full(len(boxes), confidence, np.float32),
            np.zeros(len(boxes), np.int32),
        )
        return self.keep(self.scene.update(self.now, SIZE, Unknown(unknown) if unknown else seen))

    def keep(self, facts: Facts | None) -> Facts:
        facts = facts or Facts(Unknown("nothing"))
        self.told += [happening.kind for happening in facts.happenings]
        self.counts += facts.counts
        return facts

    def count(self, zone: str = "") -> list[tuple[int, bool]]:
        return [(c.count, c.stale) for c in self.counts if isinstance(c, Count) and (c.zone, c.class_id) == (zone, 0)]


def test_a_walk_through_the_room() -> None:
    stage = Stage(zones=ROOM, lines=DOOR, told=frozenset({0}))
    stage.look()
    for i in range(16):
        facts = stage.look(person(0.1 + 0.05 * i))
        assert len(facts.track_ids) == 1
    assert facts.track_ids == (1,)
    for _ in range(15):
        stage.look()
    kinds = [kind for kind in stage.told if kind != "track.updated"]
    assert kinds == ["track.started", "line.crossed", "zone.entered", "zone.left", "track.ended"]
    assert [count for count, _ in stage.count()] == [0, 1, 0]
    assert [count for count, _ in stage.count("right")] == [0, 1, 0]
    lines = [(c.into, c.out) for c in stage.counts if isinstance(c, LineCount) and c.class_id == 0]
    assert lines == [(0, 0), (1, 0)]


def test_first_seen_is_when_the_first_look_saw_it() -> None:
    stage = Stage()
    for _ in range(3):
        facts = stage.look(person(0.5))
    (started,) = facts.happenings
    assert started.track.first_seen == pytest.approx(1e9 + stage.step)
    assert started.track.duration == pytest.approx(started.track.last_seen - started.track.first_seen)


def test_one_missed_look_ends_nothing() -> None:
    stage = Stage()
    for i in range(60):
        stage.look(*([] if i % 7 == 6 else [person(0.2 + 0.01 * i)]))
    assert stage.told.count("track.started") == 1
    assert "track.ended" not in stage.told


def test_somebody_who_stands_for_twenty_seconds_is_one_event() -> None:
    stage = Stage()
    random = np.random.default_rng(0)
    for _ in range(100):
        x = 0.5 + float(random.normal(0, 0.004))
        stage.look(*([person(x)] if random.random() > 0.1 else []))
    assert stage.told.count("track.started") == 1
    assert "track.ended" not in stage.told


def test_unknown_is_stale_and_ends_nobody() -> None:
    stage = Stage(zones=ROOM)
    for _ in range(5):
        stage.look(person(0.8))
    began = stage.now.monotonic
    for second in range(30):
        stage.look(unknown="engine gone")
        stage.keep(stage.scene.idle(began + second, 1e9 + second))
    assert "track.ended" not in stage.told
    assert "zone.left" not in stage.told
    assert stage.count()[-2:] == [(1, False), (1, True)]
    assert stage.scene.wants(stage.now, [], SIZE, (300, 300)) == (WHOLE,)
    stage.look(person(0.8))
    assert stage.count()[-1] == (1, False)
    assert stage.told.count("track.started") == 1


def test_who_was_there_when_a_camera_went_away_for_good_ends_after_five_minutes() -> None:
    stage = Stage()
    for _ in range(5):
        assert stage.scene.wants(stage.now, None, SIZE, (300, 300))
        stage.look(person(0.5))
    at = stage.now.monotonic
    for second in range(600):  # the engine is gone, and frames wait for it
        stage.keep(stage.scene.idle(at + second, 1e9 + second, at + second))
    assert "track.ended" not in stage.told
    ends = []
    for second in range(600, 910):
        facts = stage.keep(stage.scene.idle(at + second, 1e9 + second))
        ends += [(second, h.end_reason) for h in facts.happenings if h.kind == "track.ended"]
    assert ends == [(900, "camera_offline_timeout")]


@pytest.mark.parametrize("looks", [1, 2])
def test_who_was_not_told_of_yet_ends_then_too_without_a_word(looks: int) -> None:
    stage = Stage()
    for _ in range(looks):
        stage.scene.wants(stage.now, None, SIZE, (300, 300))
        stage.look(person(0.5))
    at = stage.now.monotonic
    facts = [stage.scene.idle(at + second, 1e9 + second) for second in range(0, 3600, 10)]
    assert not any(fact.happenings for fact in facts if fact is not None)
    stage.n += 3600 * 5
    told = [h for _ in range(3) for h in stage.look(person(0.5)).happenings]
    assert [h.kind for h in told] == ["track.started"]
    assert told[0].track.duration == pytest.approx(2 * stage.step)


def test_the_last_word() -> None:
    stage = Stage(zones=ROOM)
    for _ in range(5):
        stage.look(person(0.8))
    facts = stage.keep(stage.scene.stop(1e9))
    assert [happening.kind for happening in facts.happenings] == ["zone.left", "track.ended"]
    assert facts.happenings[-1].end_reason == "stopped"
    assert stage.count()[-1] == (1, True), "what a broker keeps says that nobody looks any more"
    assert stage.scene.stop(1e9) is None


def test_a_gated_scene_knows_what_it_knows() -> None:
    """Nothing moves: no look, nothing stale; a place where nobody is becomes vacant without one."""
    stage = Stage(gate=True, told=frozenset({0}))
    looks, gated = 0, 0
    for i in range(150):
        there = i < 20
        motion = [person(0.2 + 0.02 * i)] if there else []
        if stage.scene.wants(stage.now, motion, SIZE, (300, 300)):
            looks += 1
            stage.look(*([person(0.2 + 0.02 * i)] if there else []))
        else:
            gated += 1
            stage.n += 1
        stage.keep(stage.scene.idle(stage.now.monotonic, stage.now.captured_at))
    assert gated > 100
    assert not any(stale for _, stale in stage.count())
    assert [count for count, _ in stage.count()] == [1, 0]
    occupied = [c.occupied for c in stage.counts if isinstance(c, Occupancy) and c.class_id == 0]
    assert occupied == [True, False]


def test_who_stands_still_has_entered_when_dwell_is_over() -> None:
    porch = Zone("porch", ROOM[0].polygon, dwell=5.0)
    stage, entered, came = Stage(gate=True, zones=(porch,)), [], 0.0
    for i in range(150):
        x = min(0.2 + 0.02 * i, 0.8)
        came = came or (x >= 0.6) * stage.now.media_time
        if stage.scene.wants(stage.now, [person(x)] if x < 0.8 else [], SIZE, (300, 300)):
            now = stage.now.media_time
            stage.n -= 1
            entered += [now - came for h in stage.look(person(x)).happenings if h.kind == "zone.entered"]
        stage.n += 1
    assert len(entered) == 1
    assert entered[0] < 6.5, "but for the pause between two looks at who walks"


def test_looks_under_way_are_not_asked_for_again() -> None:
    """An engine that is slower than the frames come: the gate must not want each of them meanwhile."""
    stage = Stage(step=0.1, gate=True)
    for i in range(10):
        stage.scene.wants(stage.now, [person(0.3 + 0.01 * i)], SIZE, (300, 300))
        stage.look(person(0.3 + 0.01 * i))
    asked = 0
    for i in range(10, 14):
        stage.n += 1
        asked += bool(stage.scene.wants(stage.now, [person(0.3 + 0.01 * i)], SIZE, (300, 300)))
    assert asked <= 2


def test_crops_around_what_moves_and_the_whole_every_two_seconds() -> None:
    stage = Stage(regions=True)
    chosen = []
    for _ in range(25):
        crops = stage.scene.wants(stage.now, [(0.1, 0.1, 0.13, 0.2)], (3840, 2160), (300, 300))
        chosen.append(crops)
        stage.look()
    whole = [i for i, crops in enumerate(chosen) if WHOLE in crops]
    assert whole[0] == 0
    assert {b - a for a, b in pairwise(whole)} == {10}
    assert all(len(crops) <= 2 for crops in chosen)
    assert all(x1 <= 0.1 and y1 <= 0.1 and x2 >= 0.13 and y2 >= 0.2 for crops in chosen for x1, y1, x2, y2 in crops)


@pytest.mark.parametrize("failed", [0, 3], ids=["the whole", "a crop"])
def test_the_whole_is_looked_at_again_where_nobody_could_say_what_a_look_shows(failed: int) -> None:
    stage = Stage(regions=True, gate=True)
    for n in range(failed + 1):
        crops = stage.scene.wants(stage.now, [(0.1 + n / 5, 0.1, 0.13 + n / 5, 0.2)], (3840, 2160), (300, 300))
        assert crops
        assert (WHOLE in crops) is (n == 0)
        stage.look(unknown="timeout" if n == failed else "")
    moved = [] if failed else [(0.1, 0.1, 0.13, 0.2)]
    assert WHOLE in stage.scene.wants(stage.now, moved, (3840, 2160), (300, 300))
    stage.look()
    assert not stage.scene.wants(stage.now, [], (3840, 2160), (300, 300))


def test_a_track_outside_of_the_crops_is_not_missed() -> None:
    stage = Stage(regions=True)
    for _ in range(5):
        stage.scene.wants(stage.now, [], (3840, 2160), (300, 300))
        stage.look(person(0.9))
    for _ in range(8):  # less than the whole picture's turn
        crops = stage.scene.wants(stage.now, [person(0.9)], (3840, 2160), (300, 300))
        stage.look(person(0.9))
    assert crops != (WHOLE,)
    assert "track.ended" not in stage.told


def test_the_picture_may_change_its_size_and_rate() -> None:
    stage = Stage()
    for i in range(10):
        stage.look(person(0.5))
        stage.step = 0.2 if i < 5 else 0.05
    facts = stage.scene.update(Moment(100.0, 1e9, 200.0), (1920, 1080), Detections.empty())
    assert isinstance(facts.seen, Detections)
    assert stage.told.count("track.started") == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["look", "unknown", "idle", "wants", "stop"]),
            st.floats(-2, 20),
            st.lists(st.tuples(*[st.floats(-0.2, 1.2)] * 4), max_size=4),
        ),
        max_size=40,
    )
)
@hypothesis_settings(max_examples=80, deadline=None)
def test_events_are_whole_lives_whatever_happens(steps: list[tuple[str, float, list[Box]]]) -> None:
    scene = Scene(Settings({0: PERSON}, ROOM, DOOR, gate=True, regions=True, snapshots=True))
    time, told = 100.0, []
    for what, by, boxes in steps:
        time += by
        at = Moment(time, 1e9 - time, time)
        seen = Detections(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.full(len(boxes), 0.9, np.float32),
            np.zeros(len(boxes), np.int32),
        )
        facts: Facts | None = None
        if what == "look":
            facts = scene.update(at, SIZE, seen)
            assert isinstance(facts.seen, Detections)
            assert len(facts.track_ids) == len(facts.seen)
        elif what == "unknown":
            facts = scene.update(at, SIZE, Unknown("x"))
        elif what == "wants":
            scene.wants(at, boxes, SIZE, (100, 100))
        else:
            facts = scene.idle(time, 1e9) if what == "idle" else scene.stop(1e9)
        told += list(facts.happenings) if facts is not None else []
    last = scene.stop(1e9)
    told += list(last.happenings) if last is not None else []
    lives: dict[int, list[str]] = {}
    for happening in told:
        lives.setdefault(happening.track.track_id, []).append(happening.kind)
    for kinds in lives.values():
        assert kinds[0] == "track.started"
        assert kinds[-1] == "track.ended"
        assert kinds.count("track.started") == kinds.count("track.ended") == 1
        assert kinds.count("zone.entered") == kinds.count("zone.left")


def test_a_scene_waits_for_motion_once_it_knows_that_nobody_is_there() -> None:
    assert not Stage().scene.waits_for_motion, "nobody watches for it"
    stage = Stage(gate=True)
    assert not stage.scene.waits_for_motion, "nobody has looked yet"
    stage.look()
    assert stage.scene.waits_for_motion
    stage.look(person(0.5))
    assert not stage.scene.waits_for_motion
    for _ in range(20):
        stage.look()
    assert stage.scene.waits_for_motion
    stage.keep(stage.scene.idle(stage.now.monotonic + 60, 1e9))
    assert not stage.scene.waits_for_motion, "it is blind"


def test_who_is_published_with_little_confidence_is_followed_and_counted() -> None:
    scene = Scene(Settings({0: LabelRule(0.2)}, told=frozenset({0})))
    box = np.array([person(0.5)], np.float32)
    told: list[object] = []
    for n in range(10):
        seen = Detections(box, np.array([0.25], np.float32), np.array([0], np.int32))
        facts = scene.update(Moment(n * 0.2, 1e9 + n * 0.2, 50 + n * 0.2), SIZE, seen)
        told += [fact.count for fact in facts.counts if isinstance(fact, Count) and fact.class_id == 0]
    assert facts.track_ids == (1,)
    assert told == [1]


@pytest.mark.parametrize("confidence", [0.12, 0.2, 0.35, 0.6, 0.7, 0.9])
def test_who_has_exactly_the_confidence_that_is_asked_for_is_published_and_told_of(confidence: float) -> None:
    zone = Zone("all", ((0, 0), (1, 0), (1, 1), (0, 1)), confidence=confidence)
    scene = Scene(Settings({0: LabelRule(confidence)}, (zone,)))
    seen = Detections(np.array([person(0.5)], np.float32), np.array([confidence], np.float32), np.zeros(1, np.int32))
    told: list[str] = []
    for n in range(5):
        facts = scene.update(Moment(n * 0.2, 1e9 + n * 0.2, 50 + n * 0.2), SIZE, seen)
        told += [happening.kind for happening in facts.happenings]
        assert isinstance(facts.seen, Detections)
        assert len(facts.seen) == 1
    assert told == ["track.started", "zone.entered"]
