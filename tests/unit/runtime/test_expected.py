"""Which retained topics a config yields: the others are emptied."""

from __future__ import annotations

from dataclasses import replace

from agent.config.model import (
    CameraConfig,
    Config,
    LabelConfig,
    LineConfig,
    RemoteConfig,
    SnapshotsConfig,
    ZoneConfig,
)
from agent.publish.topics import Topics
from agent.runtime.expected import comes_and_goes, expected, seen

CAMERA = CameraConfig(
    "yard",
    "rtsp://h/",
    "rtsp",
    labels=(LabelConfig("person"),),
    zones=(ZoneConfig("porch", ()),),
    lines=(LineConfig("door", ((0, 0), (1, 1))),),
)
CONFIG = Config("gate", (CAMERA,))
TOPICS = Topics("", "gate")
LABELS = {"yard": ("person", "dog")}


def test_what_the_config_yields_stays() -> None:
    found = expected(CONFIG, LABELS)
    for topic in (
        TOPICS.status,
        TOPICS.info,
        TOPICS.summary,
        TOPICS.config_status,
        TOPICS.camera_status("yard"),
        TOPICS.camera_state("yard"),
        TOPICS.count("yard", "person"),
        TOPICS.count("yard", "all", "porch"),
        TOPICS.occupancy("yard", "person", "porch"),
        TOPICS.line_count("yard", "door", "person"),
    ):
        assert topic in found


def test_pictures_stay_where_something_makes_them() -> None:
    picture, pictures = TOPICS.camera_snapshot("yard"), replace(CAMERA, snapshots=SnapshotsConfig(enabled=True))
    assert picture not in expected(CONFIG, LABELS)
    assert picture in expected(replace(CONFIG, cameras=(pictures,)), LABELS)
    assert picture in expected(replace(CONFIG, remote=RemoteConfig(commands=("snapshot",))), LABELS)


def test_what_nobody_knows_before_a_look() -> None:
    for topic in (
        TOPICS.count("yard", "person"),
        TOPICS.count("yard", "all", "porch"),
        TOPICS.occupancy("yard", "person"),
        TOPICS.occupancy("count", "person", "porch"),
    ):
        assert seen(CONFIG, topic)
    for topic in (
        TOPICS.line_count("yard", "door", "person"),
        TOPICS.camera_status("count"),
        TOPICS.status,
        Topics("", "old").count("yard", "person"),
    ):
        assert not seen(CONFIG, topic)


def test_what_it_does_not_yield_any_more_goes() -> None:
    found = expected(CONFIG, LABELS)
    for topic in (
        TOPICS.camera_status("hall"),
        TOPICS.count("yard", "dog"),
        TOPICS.count("yard", "person", "lawn"),
        TOPICS.line_count("yard", "window", "person"),
        Topics("", "old-name").status,
        Topics("site", "gate").status,
    ):
        assert topic not in found
        assert not comes_and_goes(CONFIG, topic)


def test_a_line_or_a_zone_of_some_labels_has_no_topics_of_the_others() -> None:
    camera = replace(
        CAMERA,
        labels=(LabelConfig("person"), LabelConfig("dog")),
        lines=(LineConfig("door", ((0, 0), (1, 1)), labels=("dog",)), LineConfig("path", ((0, 0), (1, 1)))),
        zones=(ZoneConfig("porch", (), labels=("dog",)),),
    )
    found = expected(replace(CONFIG, cameras=(camera,)), LABELS)
    assert TOPICS.line_count("yard", "door", "person") not in found
    assert TOPICS.count("yard", "person", "porch") not in found
    for topic in (
        TOPICS.line_count("yard", "door", "dog"),
        TOPICS.line_count("yard", "door", "all"),
        TOPICS.line_count("yard", "path", "person"),
        TOPICS.count("yard", "dog", "porch"),
    ):
        assert topic in found


def test_alerts_and_engines_of_this_device_are_waited_for() -> None:
    assert comes_and_goes(CONFIG, TOPICS.alert("disk-full", "device"))
    assert comes_and_goes(CONFIG, TOPICS.engine_status("openvino-person"))
    assert not comes_and_goes(CONFIG, Topics("", "old").alert("disk-full", "device"))


def test_a_zone_yields_only_the_labels_it_takes() -> None:
    camera = replace(
        CAMERA, labels=(LabelConfig("person"), LabelConfig("dog")), zones=(ZoneConfig("porch", (), labels=("dog",)),)
    )
    found = expected(replace(CONFIG, cameras=(camera,)), LABELS)
    assert TOPICS.count("yard", "dog", "porch") in found
    assert TOPICS.count("yard", "all", "porch") in found
    assert TOPICS.count("yard", "person") in found
    assert TOPICS.count("yard", "person", "porch") not in found
