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
        ([[0, 0], [0.3, 0.3], [0.6, 0.6], [1, 1]], "all its points lie on one line"),
        ([[0.5, 0.5], [0.503, 0.5], [0.503, 0.503], [0.5, 0.503]], "is smaller than about 0.003"),
        ([[0, 0], [1, 0], [0, 0]], "a polygon of 2 points"),
        ([[[0, 0], [1, 0], [1, 1]]], "remove one of the pairs of brackets"),
        ([[0, 0], [None, 0], [1, 1]], "null is not a number"),
        ([[0, 0], [True, 0], [1, 1]], "true is not a number"),
        ([[0, 0], ["0.5", 0], [1, 1]], '"0.5" is not a number from 0 to 1; remove the quotes'),
        ([[0, 0], {"x": 1, "y": 0}, [1, 1]], "a point is wanted here: [x, y]"),
        ([[0, 0], [0.5, [0]], [1, 1]], "a number from 0 to 1 is wanted here"),
        ("0.1,0.2,0.3,0.4", "a polygon, such as"),
        ([[0, 0], [1, 0], [0, 0], [1, 1]], "[0.0, 0.0] stands in the polygon twice"),
        ([[0, 0], [413, 0], [1, 1]], "413 looks like pixels"),
        (
            [[0, 0], [1, 576], [1, 1]],
            "576 looks like pixels: coordinates are 0..1 of the picture, so divide by its height",
        ),
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


def test_all_that_is_wrong_in_a_polygon_is_said_at_once_and_pixels_once() -> None:
    text = "zones: {porch: {polygon: [[-1, 0], [413, 20], [768, 576], [x, 0], [1]]}}"
    with pytest.raises(ConfigError) as error:
        camera(text)
    said = str(error.value).splitlines()
    assert [line.split(": ")[2].split(" ")[0] for line in said] == ["-1", "413", "x", "a"]
    start = len("cameras: {gate: {source: rtsp://h/x, ")
    columns = [start + text.index(word) + 1 for word in ("-1", "413", "x, 0]", "[1]")]
    assert [int(line.split(":")[2]) for line in said] == columns


def test_not_a_number_is_none() -> None:
    for word in (".nan", "nan", ".inf", "1e999"):
        said = complaint(f"zones: {{porch: {{polygon: [[0, 0], [{word}, 0], [1, 1]]}}}}")
        assert f"{word} " in said


@pytest.mark.parametrize(
    "polygon",
    [
        [[0, 0], [1, 0], [0, 1]],
        [[0, 0], [0.2, 0], [0.2, 0.5], [0.4, 0.5], [0.4, 0], [1, 0], [1, 1], [0, 1]],  # sides in one line, apart
        [[0.5, 0.5], [0.504, 0.5], [0.504, 0.504], [0.5, 0.504]],
        [[0, 0], [0.5, 0], [1, 0], [1, 1]],  # a corner that is none
        [[round(0.5 + 0.5 * cos(i * pi / 16), 6), round(0.5 + 0.5 * sin(i * pi / 16), 6)] for i in range(32)],
    ],
)
def test_a_right_polygon_is_taken_as_it_is(polygon: list[list[float]]) -> None:
    assert zone(polygon) == tuple((float(x), float(y)) for x, y in polygon)


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


def test_a_zone_and_a_line_may_share_an_id() -> None:
    found = camera(f"zones: {{door: {{polygon: {SQUARE}}}}}, lines: {{door: {{points: [[0, 0], [1, 1]]}}}}")
    assert (found.zones[0].id, found.lines[0].id) == ("door", "door")


def test_one_polygon_may_stand_in_many_places_but_is_no_line() -> None:
    found = camera(f"zones: {{a: {{polygon: &a {SQUARE}}}, b: {{polygon: *a}}}}")
    assert found.zones[0].polygon == found.zones[1].polygon
    assert "not 4" in complaint(f"zones: {{a: {{polygon: &a {SQUARE}}}}}, lines: {{b: {{points: *a}}}}")
    text = f"zones: {{a: {{polygon: &a {SQUARE}}}}}, privacy: {{masks: [*a]}}"
    assert "cover the whole picture" in complaint(text)


@pytest.mark.parametrize("text", ["zones: {%s}", "lines: {%s}"])
def test_thirty_two_of_a_kind_are_enough(text: str) -> None:
    body = f"{{polygon: {SQUARE}}}" if "zones" in text else "{points: [[0, 0], [1, 1]]}"
    camera(text % ", ".join(f"n{i}: {body}" for i in range(32)))
    assert "33 " in complaint(text % ", ".join(f"n{i}: {body}" for i in range(33)))


def test_thirty_two_masks_are_enough() -> None:
    masks = [[[0, i / 40], [0.1, i / 40], [0, (i + 1) / 40]] for i in range(33)]
    assert len(camera(f"motion: {{masks: {masks[:32]}}}").motion.masks) == 32
    assert "33 entries; at most 32" in complaint(f"motion: {{masks: {masks}}}")


@pytest.mark.parametrize("key", ["privacy: {%s}", "motion: {%s}", "labels: {person: {%s}}"])
def test_masks_that_leave_nothing_are_an_error(key: str) -> None:
    halves = [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]], [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]]
    triangles = [[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]]
    for masks in (halves, triangles, [[[0, 0], [1, 0], [1, 0.997], [0, 0.997]]]):
        assert "cover the whole picture" in complaint(key % f"masks: {masks}")
    apart = [[[0.1, 0], [1, 0], [1, 0.9]], [[0, 0.1], [0.9, 1], [0, 1]]]
    for masks in (halves[:1], triangles[1:], apart, [[[0, 0], [1, 0], [1, 0.97], [0, 0.97]]]):
        camera(key % f"masks: {masks}")


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
    text = "cameras: {g: {source: rtsp://h/x, %slines: {d: {points: [[0, 0], [1, 1]], labels: [cat]}}}}"
    (warning,) = parse(text % "labels: [dog], ", "f", Path("/nowhere")).warnings
    assert "'cat' is not among the camera's labels" in str(warning)
    assert warning.column == (text % "labels: [dog], ").index("cat") + 1
    for published in ("", "labels: [dog, cat], ", "labels: {cat: {confidence: 0.6}}, "):
        assert not parse(text % published, "f", Path("/nowhere")).warnings


def test_a_thousand_labels_are_enough_in_either_form() -> None:
    for text in ("labels: [%s]", "labels: {%s}"):
        names = [f"l{n}" if "[" in text else f"l{n}: {{confidence: 0.6}}" for n in range(1001)]
        assert len(camera(text % ", ".join(names[:1000])).labels) == 1000
        assert "1001 entries; at most 1000" in complaint(text % ", ".join(names))


@given(st.lists(st.tuples(st.floats(0.05, 0.45), st.floats(0.3, 1.0)), min_size=5, max_size=20), st.integers(0, 19))
def test_what_goes_around_once_is_accepted_wherever_it_begins(steps: list[tuple[float, float]], first: int) -> None:
    """A star: corners at rising angles and any distance from the middle never cross."""
    total = sum(step for step, _ in steps)
    angle, points = 0.0, []
    for step, distance in steps:
        angle += 2 * pi * step / total
        points.append([round(0.5 + 0.5 * distance * cos(angle), 6), round(0.5 + 0.5 * distance * sin(angle), 6)])
    if max(step for step, _ in steps) < total * 0.45:  # no gap of half a turn, which could hide the middle
        first %= len(points)
        assert len(zone([*points[first:], *points[:first]][::-1])) == len(points)


@given(st.lists(st.floats(0.2, 1.3), min_size=4, max_size=4), st.floats(0, 6), st.floats(0.1, 0.5), st.booleans())
def test_a_bow_tie_is_refused(gaps: list[float], turn: float, radius: float, swapped: bool) -> None:
    """Four corners on a circle in order enclose it; two of them exchanged cross, whichever way it is turned."""
    angles = [turn + sum(gaps[:i]) for i in range(4)]
    corners = [[round(0.5 + radius * cos(a), 6), round(0.5 + radius * sin(a), 6)] for a in angles]
    a, b, c, d = corners
    assert len(zone(corners)) == 4
    with pytest.raises(ConfigError, match="crosses itself"):
        zone([a, c, b, d] if swapped else [a, b, d, c])


@pytest.mark.parametrize("key", ["motion: {masks: %s}", "labels: {person: {masks: %s}}"])
def test_masks_that_leave_nothing_together_with_those_of_privacy_are_an_error(key: str) -> None:
    left, right = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]
    text = complaint(f"privacy: {{masks: [{left}]}}, {key % [right]}")
    assert "the masks and those of privacy together cover the whole picture" in text
    assert f"{key.partition(':')[0]}." in text
    camera(f"privacy: {{masks: [{left}]}}, {key % [left]}")
