from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.publish.topics import ALL, Topics, slug, slug_faults


@pytest.mark.parametrize(
    ("label", "level"),
    [
        ("person", "person"),
        ("Traffic light", "traffic-light"),
        ("Fußgänger", "fussganger"),
        ("café / bar", "cafe-bar"),
        ("人", "u4eba"),
        ("a+b#c/d", "a-b-c-d"),
        ("_x-1_", "_x-1_"),
        ("  -- ", "x"),
        ("", "x"),
    ],
)
def test_a_label_becomes_a_topic_level(label: str, level: str) -> None:
    assert slug(label) == level


@given(st.text())
def test_every_slug_is_one_valid_level_and_its_own_slug(label: str) -> None:
    level = slug(label)
    assert re.fullmatch(r"[a-z0-9_-]+", level)
    assert slug(level) == level


@pytest.mark.parametrize(
    ("prefix", "root"),
    [
        ("", "vedette/1/gate-pi"),
        ("site/a", "site/a/vedette/1/gate-pi"),
        ("/site/", "site/vedette/1/gate-pi"),
    ],
)
def test_topics_are_the_interface_s(prefix: str, root: str) -> None:
    topics = Topics(prefix, "gate-pi")
    assert [
        topics.root,
        topics.status,
        topics.info,
        topics.health,
        topics.alert("mqtt_rejected", "device"),
        topics.camera_status("gate"),
        topics.camera_state("gate"),
        topics.engine_status("person"),
        topics.detections("gate"),
        topics.events,
        topics.count("gate", "Traffic light"),
        topics.count("gate", ALL, "porch"),
        topics.occupancy("gate", "person"),
        topics.occupancy("gate", "person", "porch"),
        topics.line_count("gate", "door", ALL),
        topics.snapshot("3c9e-1042"),
        topics.camera_snapshot("gate"),
    ] == [
        root,
        f"{root}/status",
        f"{root}/info",
        f"{root}/health",
        f"{root}/alert/mqtt_rejected/device",
        f"{root}/cam/gate/status",
        f"{root}/cam/gate/state",
        f"{root}/engine/person/status",
        f"{root}/cam/gate/detections",
        f"{root}/events",
        f"{root}/cam/gate/count/traffic-light",
        f"{root}/cam/gate/zone/porch/count/all",
        f"{root}/cam/gate/occupancy/person",
        f"{root}/cam/gate/zone/porch/occupancy/person",
        f"{root}/cam/gate/line/door/count/all",
        f"{root}/snapshot/3c9e-1042",
        f"{root}/cam/gate/snapshot",
    ]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (["person", "car", "person"], []),
        (["All", "car"], ["'All' would be `all`"]),
        (["traffic light", "car", "Traffic-Light"], ["'traffic light' and 'Traffic-Light' would both be"]),
    ],
)
def test_labels_that_would_share_a_topic_are_named(labels: list[str], says: list[str]) -> None:
    faults = slug_faults(labels)
    assert len(faults) == len(says)
    assert all(words in fault for words, fault in zip(says, faults, strict=True))
