"""What a camera's config means for its scene."""

from __future__ import annotations

from pathlib import Path

from agent.config import parse
from agent.perception.settings import LabelRule, Line, Settings, Zone
from agent.runtime.scenes import line_totals, scene_settings

LABELS = ("cat", "dog", "person")
TRIANGLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))


def settings(text: str) -> Settings:
    config = parse("cameras: {gate: {source: rtsp://h/x, confidence: 0.4, " + text + "}}", "f", Path("/nowhere"))
    return scene_settings(config.cameras[0], LABELS)


def test_without_labels_all_of_the_models_are_published_and_none_is_told_from_the_start() -> None:
    found = settings("")
    assert found.rules == dict.fromkeys(range(3), LabelRule(0.4))
    assert found.told == frozenset()
    assert (found.gate, found.regions, found.snapshots) == (True, False, False)


def test_labels_that_were_counted_before_are_told_again() -> None:
    config = parse("cameras: {gate: {source: rtsp://h/x, labels: [cat, dog]}}", "f", Path("/nowhere"))
    assert scene_settings(config.cameras[0], LABELS, ["dog", "person", "unicorn"]).told == {0, 1}
    everything = parse("cameras: {gate: {source: rtsp://h/x}}", "f", Path("/nowhere"))
    assert scene_settings(everything.cameras[0], LABELS, ["person", "unicorn"]).told == {2}


def test_labels_are_class_ids_with_their_own_rules() -> None:
    found = settings("labels: {person: {confidence: 0.7, min_height: 0.1}, dog: }")
    assert found.rules == {2: LabelRule(0.7, 0.1), 1: LabelRule(0.4)}
    assert found.told == {1, 2}


def test_zones_and_lines() -> None:
    found = settings(
        "zones: {a: {polygon: [[0, 0], [1, 0], [1, 1]], labels: [dog], dwell: 3}}, "
        "lines: {b: {points: [[0, 0.5], [1, 0.5]], reverse: true}}, motion: {enabled: false}"
    )
    assert found.zones == (Zone("a", TRIANGLE, frozenset({1}), 0.0, 0.0, 3.0),)
    assert found.lines == (Line("b", (0.0, 0.5), (1.0, 0.5), reverse=True, class_ids=None),)
    assert not found.gate


def test_totals_of_a_label_that_the_model_no_longer_has_are_left_out() -> None:
    saved = {"door": {"person": (3, 1, 1e9), "unicorn": (5, 5, 1e9), "all": (8, 6, 1e9)}}
    assert line_totals(saved, LABELS) == {"door": {2: (3, 1, 1e9), None: (8, 6, 1e9)}}
