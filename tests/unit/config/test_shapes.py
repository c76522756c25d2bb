"""Polygons and lines of the config: what is accepted, and where what is wrong is said to stand."""

from __future__ import annotations

import json
from math import cos, pi, sin
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import ConfigError, parse
from agent.config.model import CameraConfig, LabelConfig, LineConfig, Polygon, ZoneConfig

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]


def camera(text: str) -> CameraConfig:
    config = parse("cameras: {gate: {source: rtsp://h/x, " + text + "}}", "f", Path("/nowhere"))
    return config.cameras[0]


def zone(polygon: object) -> Polygon:
    return camera(f"zones: {{porch: {{polygon: {json.dumps(polygon)}}}}}").zones[0].polygon


def complaint(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        camera(text)
    (problem,) = error.value.problems
    return str(problem)


@pytest.mark.parametrize(
    ("polygon", "said"),
    [
        ([[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]], "crosses itself: side 1 and side 3"),
        ([[0, 0], [1, 0]], "a polygon of 2 points; it needs at least 3"),
        ([[0, 0]], "a polygon of 1 point; it needs"),
        ([], "a polygon of 0 points"),
        ([[0, 0], [0.5, 0.5], [1, 1]], "no area"),
        ([[0, 0], [1, 0], [0, 0], [1, 1]], "[0.0, 0.0] stands in the polygon twice"),
        ([[0, 0], [413, 0], [1, 1]], "413 looks like pixels"),
        ([[0, 0], [1, 576], [1, 1]], "divide it by the picture's height"),
        ([[0, 0], [1.01, 0], [1, 1]], "1.01 is outside 0 to 1"),
        ([[0, 0], [1, -0.5], [1, 1]], "-0.5 is outside 0 to 1"),
        ([[0, 0], [1, 0, 1], [1, 1]], "a point is wanted here: [x, y]"),
        ([0, 0, 1, 0, 1, 1], "each point is a list of its own"),
        ([[0, 0], ["a", 0], [1, 1]], '"a" is not a number'),
        ([[[0, 0]], [1, 0], [1, 1]], "a point is wanted"),
        ("porch", "a polygon, such as"),
        ({"x": 1}, "a polygon, such as"),
        ([[i / 40, (i * i) / 1600] for i in range(33)], "33 points; at most 32"),
        ([[0, 0], [1, 0], [0.5, 0], [1, 1]], "crosses itself"),
    ],
)
def test_a_wrong_polygon_says_what_is_wrong(polygon: object, said: str) -> None:
    text = complaint(f"zones: {{porch: {{polygon: {json.dumps(polygon)}}}}}")
    assert said in text
    assert "cameras.gate.zones.porch.polygon" in text


def test_the_wrong_number_has_its_place() -> None:
    assert complaint("zones: {porch: {polygon: [[0, 0], [0.5, 720], [1, 1]]}}").startswith("f:1:78: ")


def test_not_a_number_is_none() -> None:
    for word in (".nan", "nan", ".inf", "1e999"):
        said = complaint(f"zones: {{porch: {{polygon: [[0, 0], [{word}, 0], [1, 1]]}}}}")
        assert f"{word} " in said


def test_a_closed_ring_is_the_same_polygon() -> None:
    assert zone([*SQUARE, SQUARE[0]]) == zone(SQUARE)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([[0.2, 0.8], [0.2, 0.8]], "no length"),
        ([[0.2, 0.8], [0.2, 0.801]], "no length"),
        ([[0.2, 0.8]], "a line has two points, its beginning and its end, not 1"),
        ([[0.2, 0.8], [0.4, 0.8], [0.6, 0.8]], "not 3"),
        ([[0.2, 0.8], [800, 0.8]], "looks like pixels"),
    ],
)
def test_a_wrong_line_says_what_is_wrong(points: object, said: str) -> None:
    assert said in complaint(f"lines: {{door: {{points: {json.dumps(points)}}}}}")


def test_a_zone_named_twice_is_an_error() -> None:
    assert "twice" in complaint(f"zones: {{a: {{polygon: {SQUARE}}}, a: {{polygon: {SQUARE}}}}}")


@pytest.mark.parametrize("key", ["privacy", "motion"])
def test_masks_that_leave_nothing_are_an_error(key: str) -> None:
    halves = [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]], [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]]
    assert "cover the whole picture" in complaint(f"{key}: {{masks: {halves}}}")
    camera(f"{key}: {{masks: {halves[:1]}}}")


def test_all_that_a_scene_may_say() -> None:
    found = camera(
        "labels: {person: {confidence: 0.6, min_height: 0.05, masks: [[[0, 0], [0.1, 0], [0, 0.1]]]}, dog: }, "
        "zones: {porch: {polygon: [[0, 0], [1, 0], [1, 1]], labels: [person], dwell: 5s, name: The porch}}, "
        "lines: {door: {points: [[0.2, 0.8], [0.8, 0.8]], reverse: true}}, "
        "regions: {enabled: true}, snapshots: {enabled: true, box: true, max_kb: 50}, weight: 2"
    )
    mask = ((0.0, 0.0), (0.1, 0.0), (0.0, 0.1))
    assert found.labels == (LabelConfig("person", 0.6, 0.05, 0.0, (mask,)), LabelConfig("dog"))
    triangle = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    assert found.zones == (ZoneConfig("porch", triangle, "The porch", ("person",), 0.0, 0.0, 5.0),)
    assert found.lines == (LineConfig("door", ((0.2, 0.8), (0.8, 0.8)), "door", reverse=True),)
    assert (found.regions, found.snapshots.enabled, found.snapshots.box, found.snapshots.max_kb) == (
        True,
        True,
        True,
        50,
    )
    assert found.weight == 2.0


@pytest.mark.parametrize(
    ("text", "enabled"),
    [
        ("cameras: {g: {source: rtsp://h/x}}", True),
        ("cameras: {g: {source: rtsp://h/x, motion: {enabled: false}}}", False),
        ("cameras: {g: {source: clip.mp4}}", False),
        ("cameras: {g: {source: clip.mp4, pace: max}}", False),
        ("cameras: {g: {source: clip.mp4, motion: {enabled: true}}}", True),
    ],
)
def test_the_gate_is_on_for_cameras(text: str, enabled: bool) -> None:
    assert parse(text, "f", Path("/nowhere")).cameras[0].motion.enabled is enabled


def test_a_label_nobody_publishes_is_warned_of() -> None:
    text = "cameras: {g: {source: rtsp://h/x, labels: [dog], lines: {d: {points: [[0, 0], [1, 1]], labels: [cat]}}}}"
    (warning,) = parse(text, "f", Path("/nowhere")).warnings
    assert "'cat' is not among the camera's labels" in str(warning)


@given(
    st.lists(st.tuples(st.floats(0.05, 0.45), st.floats(0.3, 1.0)), min_size=5, max_size=20),
    st.integers(0, 7),
)
def test_what_goes_around_once_is_accepted_and_a_bow_tie_is_not(steps: list[tuple[float, float]], seed: int) -> None:
    """A star: corners at rising angles and any distance from the middle never cross."""
    total = sum(step for step, _ in steps)
    angle, points = 0.0, []
    for step, distance in steps:
        angle += 2 * pi * step / total
        points.append([round(0.5 + 0.5 * distance * cos(angle), 6), round(0.5 + 0.5 * distance * sin(angle), 6)])
    if max(step for step, _ in steps) < total * 0.45:  # no gap of half a turn, which could hide the middle
        zone(points)
    x = 0.1 + seed / 20
    with pytest.raises(ConfigError):
        zone([[x, 0.1], [x + 0.3, 0.9], [x + 0.3, 0.1], [x, 0.9]])
