"""What was set by command holds, whatever becomes of the configs that come and go meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.audience import TOPICS
from tests.support.brokers import wait_for
from tests.support.caller import Caller
from tests.support.clips import scene, write_clip
from tests.support.reloading import WITHIN
from tests.support.servers import MJPEG_URL, mjpeg_server, serve
from tests.support.synthetic import bright_network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.reloading import Stage

pytestmark = pytest.mark.rooted


@pytest.fixture
def caller(stage: Stage) -> Iterator[Caller]:
    found = Caller(stage.broker)
    yield found
    found.subscriber.stop()
    assert not found.violations()


def overrides(stage: Stage) -> dict[str, Any]:
    return {o["key"]: o["value"] for o in stage.daemon.status()["config"]["overrides"]}


def test_a_camera_switched_off_while_a_config_is_tried_stays_off(stage: Stage, caller: Caller, tmp_path: Path) -> None:
    """One that the edit leaves alone, and one whose new source the attempt waits for."""
    motion = write_clip(tmp_path / "clip.avi", scene(320, 240), frames=25, codec="mjpeg")
    with serve(mjpeg_server(motion), MJPEG_URL) as camera:
        camera.freeze()
        stage.content["cameras"]["hall"] = {"source": camera.url, "timeout": 60, "fps": 10}
        stage.daemon.file.write_text(stage.text())
        wait_for(lambda: stage.daemon.status()["config"]["state"] == "pending", WITHIN, stage.daemon.log)
        for name in ("yard", "hall"):
            answer = caller.ask("camera.set", {"camera": name, "enabled": False, "confidence": 0.7})
            assert (answer["data"]["enabled"], answer["data"]["confidence"]) == (False, 0.7)
        camera.thaw()
        wait_for(lambda: stage.daemon.status()["reloads"] > 0, 3 * WITHIN, stage.daemon.log)
        assert stage.status()["state"] == "ok"
        assert overrides(stage) == {
            f"cameras.{name}.{key}": value
            for name in ("yard", "hall")
            for key, value in (("enabled", False), ("confidence", 0.7))
        }
        for name in ("yard", "hall"):
            wait_for(lambda name=name: stage.value(TOPICS.camera_status(name)) == b"disabled", WITHIN)  # type: ignore[misc]
            told = json.loads(stage.value(TOPICS.camera_state(name)) or b"")
            assert (told["enabled"], told["confidence"]) == (False, 0.7)
        assert json.loads(stage.value(TOPICS.camera_state("hall")) or b"")["source"] == camera.url
        wait_for(lambda: bool(stage.events("vedette.config.changed")), WITHIN)
        (changed,) = [event["data"]["changed"] for event in stage.events("vedette.config.changed")]
        assert changed == ["cameras.hall"]


def test_what_a_config_from_afar_has_ended_holds_again_when_that_is_gone(stage: Stage, caller: Caller) -> None:
    """The daemon is killed while it is tried; that it fails, and `config.rollback`, take 30 s: tests/slow/hotconfig."""
    assert caller.ask("camera.set", {"camera": "yard", "enabled": False})["status"] == "ok"
    del stage.content["cameras"]["yard"]
    assert caller.ask("config.apply", {"yaml": stage.text()})["status"] == "accepted"
    wait_for(lambda: set(stage.daemon.status()["cameras"]) == {"hall"}, WITHIN, stage.daemon.log)
    assert overrides(stage) == {}
    stage.daemon.process.kill()
    stage.daemon.wait(WITHIN)
    stage.daemon.start()
    wait_for(lambda: stage.daemon.status().get("pid") == stage.daemon.pid, 30, stage.daemon.log)
    assert stage.daemon.status()["config"]["state"] == "rolled_back"
    assert overrides(stage) == {"cameras.yard.enabled": False}
    wait_for(lambda: stage.value(TOPICS.camera_status("yard")) == b"disabled", WITHIN, stage.daemon.log)


def test_what_was_set_by_command_does_not_keep_an_edit_from_being_used(
    stage: Stage, caller: Caller, tmp_path: Path
) -> None:
    """It is left out where it does not fit the edit, as by a start: `check` has said that the file is right."""
    own = bright_network(tmp_path / "own", name="own")
    sidecar = own.with_suffix(".yaml")
    sidecar.write_text(sidecar.read_text().replace("bicycle", "zebra"))
    stage.edit(lambda c: (c["remote"].update(config="full"), c["cameras"]["yard"].update(model=str(own))))
    other = stage.models[1]
    assert caller.ask("model.select", {"camera": "yard", "model": other})["status"] == "ok"
    wait_for(lambda: overrides(stage) == {"cameras.yard.model": other}, WITHIN)
    assert stage.edit(lambda c: c["cameras"]["yard"].update(labels=["zebra"]))["state"] == "ok"
    assert overrides(stage) == {}
    assert stage.daemon.status()["cameras"]["yard"]["model"] == "own"


def test_what_cannot_be_kept_for_the_restart_it_needs_is_refused(stage: Stage, caller: Caller) -> None:
    boot = stage.daemon.status()["boot_id"]
    (stage.daemon.state / "remote.json").mkdir()  # in whose place no file can be put
    stage.content["outbox"] = {"max_age": "6d"}
    answer = caller.ask("config.apply", {"yaml": stage.text()})
    assert (answer["status"], answer["error"]["code"]) == ("rejected", "invalid")
    assert "cannot be kept" in answer["error"]["text"]
    stage.goes_on("yard")
    assert stage.daemon.status()["boot_id"] == boot


def test_a_model_that_is_gone_at_the_start_is_left_out_and_edits_go_on(
    stage: Stage, caller: Caller, tmp_path: Path
) -> None:
    stage.edit(lambda c: c["remote"].update(config="full"))
    mount, away = tmp_path / "mount", tmp_path / "away"
    model = str(bright_network(mount, name="three"))
    assert caller.ask("model.select", {"camera": "yard", "model": model})["status"] == "ok"
    stage.daemon.stop()
    mount.rename(away)
    stage.daemon.start()
    wait_for(stage.daemon.ready, 30, stage.daemon.log)
    assert overrides(stage) == {}
    assert stage.edit(lambda c: c.update(log={"level": "debug"}))["state"] == "ok"
    away.rename(mount)
    assert stage.edit(lambda c: c.update(log={"level": "info"}))["state"] == "ok"
    assert overrides(stage) == {"cameras.yard.model": model}
    assert stage.daemon.status()["cameras"]["yard"]["model"] == "three"


def test_a_clip_that_is_switched_off_after_its_end_can_be_switched_on_again(stage: Stage, caller: Caller) -> None:
    """It plays no more, but the next start shall not find it switched off for good."""
    stage.edit(lambda content: content["cameras"].update(yard={"source": str(stage.clip), "pace": "max"}))
    wait_for(lambda: stage.value(TOPICS.camera_status("yard")) == b"ended", WITHIN, stage.daemon.log)
    assert caller.refused("camera.set", {"camera": "yard", "enabled": True}) == "ended"
    assert caller.ask("camera.set", {"camera": "yard", "enabled": False})["status"] == "ok"
    wait_for(lambda: overrides(stage) == {"cameras.yard.enabled": False})
    assert caller.ask("camera.set", {"camera": "yard", "enabled": True})["status"] == "ok"
    wait_for(lambda: overrides(stage) == {})
