"""What an edit changes, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest

from agent.config.difference import begins_anew, changed, reopens, same
from agent.config.model import CameraConfig, Config, MotionConfig, OutboxConfig, SnapshotsConfig, ZoneConfig
from agent.config.secrets import Secret

YARD = CameraConfig("yard", "rtsp://h/", "rtsp")
CONFIG = Config("gate", (YARD, replace(YARD, id="hall")), file="a", places={"device": (1, 1)})


@pytest.mark.parametrize(
    "change",
    [
        {"fps": 3.0},
        {"confidence": 0.7},
        {"zones": (ZoneConfig("porch", ((0, 0), (1, 0), (1, 1))),)},
        {"motion": MotionConfig(enabled=True)},
        {"snapshots": SnapshotsConfig(enabled=True)},
        {"model": "other"},
        {"enabled": False},
        {"name": "The yard"},
    ],
)
def test_these_leave_the_source_as_it_is(change: dict[str, Any]) -> None:
    after = replace(CONFIG, cameras=(replace(YARD, **change), CONFIG.cameras[1]))
    assert not reopens(YARD, after.cameras[0])
    assert changed(CONFIG, after) == ["cameras.yard"]
    assert not begins_anew(CONFIG, after)


@pytest.mark.parametrize(
    "change",
    [
        {"source": "rtsp://other/"},
        {"password": Secret("other-word")},
        {"rotate": 90},
        {"transport": "udp"},
        {"timeout": 9.0},
    ],
)
def test_these_open_it_anew(change: dict[str, Any]) -> None:
    assert reopens(YARD, replace(YARD, **change))


@pytest.mark.parametrize(("kind", "reopened"), [("folder", True), ("file", False)])
def test_the_fps_of_a_folder_is_how_it_is_read(kind: Literal["folder", "file"], reopened: bool) -> None:
    before = CameraConfig("pictures", "/srv/pictures", kind, fps=2.0)
    assert reopens(before, replace(before, fps=10.0)) == reopened


def test_where_it_stands_is_no_difference() -> None:
    assert same(CONFIG, replace(CONFIG, file="b", places={}))
    assert not same(CONFIG, replace(CONFIG, name="Gate"))


def test_where_a_secret_comes_from_is_no_key() -> None:
    tagged = frozenset({("mqtt.password", "!secret", "word")})
    assert changed(CONFIG, replace(CONFIG, tagged=tagged)) == []


def test_cameras_that_come_and_go_are_named() -> None:
    after = replace(CONFIG, cameras=(YARD, replace(YARD, id="barn")), name="Gate")
    assert changed(CONFIG, after) == ["name", "cameras.hall", "cameras.barn"]


def test_topics_and_the_outbox_begin_anew() -> None:
    renamed = replace(CONFIG, device="other")
    assert begins_anew(CONFIG, renamed) == ["device"]
    assert begins_anew(CONFIG, replace(renamed, mqtt=replace(CONFIG.mqtt, prefix="site"))) == ["device", "mqtt.prefix"]
    assert begins_anew(CONFIG, replace(CONFIG, outbox=OutboxConfig(max_bytes=1_000_000))) == ["outbox"]
    assert not begins_anew(CONFIG, replace(CONFIG, mqtt=replace(CONFIG.mqtt, drain_rate=5.0)))
