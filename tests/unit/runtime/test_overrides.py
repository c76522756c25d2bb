"""What was set by command, over restarts and edits of the file."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agent.config.model import CameraConfig, Config
from agent.runtime.overrides import FILE, MOST_ASIDE, Overrides

if TYPE_CHECKING:
    from pathlib import Path

YARD = CameraConfig("yard", "rtsp://h/", "rtsp")
CONFIG = Config("gate", (YARD, replace(YARD, id="hall")))


def edited(**change: float) -> Config:
    return replace(CONFIG, cameras=(replace(YARD, **change), CONFIG.cameras[1]))


def test_it_is_kept_over_a_restart_and_listed(tmp_path: Path) -> None:
    overrides = Overrides(tmp_path, CONFIG)
    assert overrides.applied(CONFIG) == CONFIG
    assert overrides.set("yard", {"enabled": False, "confidence": 0.7})
    again = Overrides(tmp_path, CONFIG)
    yard, hall = again.applied(CONFIG).cameras
    assert (yard.enabled, yard.confidence) == (False, 0.7)
    assert hall == CONFIG.cameras[1]
    told = {o["key"]: (o["value"], o["file_value"]) for o in again.told()}
    assert told == {"cameras.yard.enabled": (False, True), "cameras.yard.confidence": (0.7, 0.5)}


def test_it_ends_when_its_key_is_edited_in_the_file_and_not_when_another_is(tmp_path: Path) -> None:
    Overrides(tmp_path, CONFIG).set("yard", {"confidence": 0.7})
    other = edited(fps=3.0)
    assert Overrides(tmp_path, other).applied(other).cameras[0].confidence == 0.7
    own = edited(confidence=0.6)
    assert Overrides(tmp_path, own).applied(own).cameras[0].confidence == 0.6
    assert Overrides(tmp_path, CONFIG).told() == []


def test_what_the_file_says_anyway_is_none_and_neither_is_that_of_a_camera_that_is_gone(tmp_path: Path) -> None:
    overrides = Overrides(tmp_path, CONFIG)
    overrides.set("yard", {"enabled": False})
    overrides.set("yard", {"enabled": True})
    assert overrides.told() == []
    overrides.set("hall", {"enabled": False})
    assert Overrides(tmp_path, replace(CONFIG, cameras=(YARD,))).told() == []


def test_what_came_from_afar_ends_it_only_until_that_is_taken_back(tmp_path: Path) -> None:
    Overrides(tmp_path, CONFIG).set("yard", {"enabled": False})
    afar = edited(enabled=False)
    overrides = Overrides(tmp_path, afar, "afar")
    assert overrides.told() == []
    overrides.set("hall", {"enabled": False})
    assert not overrides.applied(CONFIG, back=True).cameras[0].enabled
    overrides.use(CONFIG, "back")
    assert [o["key"] for o in overrides.told()] == ["cameras.yard.enabled", "cameras.hall.enabled"]
    overrides.use(afar, "afar")
    assert [o["key"] for o in Overrides(tmp_path, CONFIG, "back").told()] == [
        "cameras.yard.enabled",
        "cameras.hall.enabled",
    ], "a daemon that ended in between"


def test_another_from_afar_does_not_bring_it_back_and_neither_does_an_edit_of_the_file(tmp_path: Path) -> None:
    Overrides(tmp_path, CONFIG).set("yard", {"enabled": False})
    overrides = Overrides(tmp_path, edited(enabled=False), "afar")
    overrides.use(CONFIG, "afar")
    assert overrides.applied(CONFIG) == CONFIG
    overrides.use(CONFIG, "edited")
    overrides.use(CONFIG, "back")
    assert overrides.told() == []


def test_the_last_word_is_what_holds_when_it_is_taken_back(tmp_path: Path) -> None:
    Overrides(tmp_path, CONFIG).set("yard", {"enabled": False})
    overrides = Overrides(tmp_path, edited(enabled=False), "afar")
    overrides.set("yard", {"enabled": False})
    assert not overrides.applied(CONFIG, back=True).cameras[0].enabled
    overrides.set("yard", {"enabled": True})
    assert overrides.applied(CONFIG, back=True).cameras[0].enabled


def test_what_stands_in_for_a_while_ends_none(tmp_path: Path) -> None:
    Overrides(tmp_path, CONFIG).set("yard", {"enabled": False})
    assert Overrides(tmp_path, edited(enabled=False), "meanwhile").told() == []
    assert [o["value"] for o in Overrides(tmp_path, CONFIG).told()] == [False]


def test_those_that_are_put_aside_are_bounded(tmp_path: Path) -> None:
    overrides = Overrides(tmp_path, CONFIG)
    for n in range(2 * MOST_ASIDE):
        camera = replace(YARD, id=f"cam{n}")
        overrides.use(replace(CONFIG, cameras=(camera,)), "afar")
        overrides.set(camera.id, {"enabled": False})
    overrides.use(CONFIG, "afar")
    assert len(json.loads((tmp_path / FILE).read_text())["aside"]) == MOST_ASIDE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"overrides": [{"camera": "yard", "key": "source", "value": "x"}]}',
        "[1]",
        '{"overrides": [], "aside": 1}',
    ],
)
def test_an_unreadable_file_is_told_of(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE).write_text(text)
    assert Overrides(tmp_path, CONFIG).applied(CONFIG) == CONFIG
    assert "cannot read" in caplog.text


def test_without_a_disk_it_says_that_it_will_not_last(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    overrides = Overrides(tmp_path / "missing", CONFIG)
    assert not overrides.set("yard", {"enabled": False})
    assert "ends with this run" in caplog.text
    assert not overrides.applied(CONFIG).cameras[0].enabled


def test_a_key_that_is_written_where_it_was_left_out_is_edited_whatever_it_says(tmp_path: Path) -> None:
    Overrides(tmp_path, CONFIG).set("yard", {"enabled": False, "confidence": 0.7})
    written = replace(CONFIG, places={"cameras.yard.enabled": (3, 5)})
    overrides = Overrides(tmp_path, written)
    assert [o["key"] for o in overrides.told()] == ["cameras.yard.confidence"]
    assert overrides.applied(written).cameras[0].enabled


def test_what_an_earlier_version_has_kept_holds_until_the_value_is_edited(tmp_path: Path) -> None:
    kept = {"camera": "yard", "key": "enabled", "value": False, "file": True, "at": 1.0}
    (tmp_path / FILE).write_text(json.dumps({"version": 1, "overrides": [kept]}))
    assert not Overrides(tmp_path, CONFIG).applied(CONFIG).cameras[0].enabled
