"""A config that comes over MQTT is tried for 30 s, kept if the device is as well as before, else taken back."""

from __future__ import annotations

import json
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from agent.runtime.reload.trial import TRIAL_S
from tests.support.audience import TOPICS
from tests.support.brokers import MOSQUITTO, MOSQUITTO_MISSING, free_port, mosquitto_process, wait_for
from tests.support.caller import Caller
from tests.support.clips import scene, write_clip
from tests.support.reloading import WITHIN, Stage
from tests.support.synthetic import bright_network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.rooted


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    if MOSQUITTO is None:
        pytest.skip(MOSQUITTO_MISSING)
    broker = mosquitto_process(tmp_path)
    clip = write_clip(tmp_path / "clip.mp4", scene(320, 240), frames=50)
    models = [str(bright_network(tmp_path, name=name)) for name in ("one", "two")]
    found = Stage(tmp_path, broker, clip, models)
    yield found
    found.daemon.end()
    found.heard.subscriber.stop()
    broker.kill()
    assert not found.heard.violations()


@pytest.fixture
def caller(stage: Stage) -> Iterator[Caller]:
    found = Caller(stage.broker)
    yield found
    found.subscriber.stop()
    assert not found.violations()


def state(stage: Stage) -> str:
    return str(stage.daemon.status()["config"]["state"])


def test_it_is_kept_in_the_state_directory_until_the_file_is_edited(stage: Stage, caller: Caller) -> None:
    written = stage.daemon.file.read_text()
    assert caller.ask("camera.set", {"camera": "yard", "confidence": 0.9})["status"] == "ok"
    stage.content["cameras"]["yard"]["confidence"] = 0.7
    answer = caller.ask("config.apply", {"yaml": stage.text()})
    assert (answer["status"], answer["data"]["trial"]) == ("accepted", TRIAL_S)
    wait_for(lambda: json.loads(stage.value(TOPICS.camera_state("yard")) or b"{}")["confidence"] == 0.7, WITHIN)
    assert state(stage) == "pending"
    assert caller.refused("config.apply", {"yaml": stage.text()}) == "busy"
    wait_for(lambda: state(stage) == "ok", TRIAL_S + WITHIN, stage.daemon.log)
    told = stage.status()
    assert told["file"] == str(stage.daemon.state / "remote.yaml")
    assert told["running_hash"] != told["file_hash"]
    assert stage.daemon.file.read_text() == written
    again = stage.text().replace(str(stage.clip), stage.clip.name)  # beside the file, not beside what came over MQTT
    assert caller.ask("config.validate", {"yaml": again})["data"]["errors"] == []
    stage.daemon.stop(signal.SIGTERM)
    stage.daemon.start()
    wait_for(stage.daemon.ready, 30, stage.daemon.log)
    assert stage.status()["running_hash"] == told["running_hash"]
    answer = caller.ask("config.rollback")
    assert (answer["status"], answer["data"]["running_hash"]) == ("accepted", told["running_hash"])
    wait_for(lambda: stage.daemon.status()["config"]["file"] == str(stage.daemon.file), WITHIN, stage.daemon.log)
    assert not (stage.daemon.state / "remote.yaml").exists()
    assert [(o["key"], o["value"]) for o in stage.status()["overrides"]] == [("cameras.yard.confidence", 0.9)]
    assert caller.refused("config.rollback") == "not_available"


def test_a_camera_that_does_not_come_back_takes_it_back(stage: Stage, caller: Caller) -> None:
    """And what was set by command, and ended by it, holds again."""
    before = stage.daemon.status()["config"]["running_hash"]
    assert caller.ask("camera.set", {"camera": "hall", "confidence": 0.9})["status"] == "ok"
    stage.content["cameras"]["hall"]["confidence"] = 0.7
    stage.content["cameras"]["gate"] = {"source": f"http://127.0.0.1:{free_port()}/stream"}
    assert caller.ask("config.apply", {"yaml": stage.text()})["status"] == "accepted"
    wait_for(lambda: "gate" in stage.daemon.status()["cameras"], WITHIN, stage.daemon.log)
    wait_for(lambda: state(stage) == "rolled_back", TRIAL_S + WITHIN, stage.daemon.log)
    told = stage.status()
    assert told["running_hash"] == before
    assert [error["key"] for error in told["errors"]] == ["cameras.gate"]
    assert [(o["key"], o["value"]) for o in told["overrides"]] == [("cameras.hall.confidence", 0.9)]
    wait_for(lambda: json.loads(stage.value(TOPICS.camera_state("hall")) or b"{}")["confidence"] == 0.9, WITHIN)
    wait_for(lambda: not stage.value(TOPICS.camera_status("gate")), WITHIN, stage.daemon.log)
    wait_for(lambda: len(stage.events("vedette.config.changed")) > 1, WITHIN)
    assert [e["data"]["state"] for e in stage.events("vedette.config.changed")] == ["pending", "rolled_back"]
    for camera in ("yard", "hall"):
        stage.goes_on(camera)


def test_the_way_back_is_not_blocked_by_a_file_that_is_broken_by_then(stage: Stage, caller: Caller) -> None:
    """What worked last stands in for it, as at a start."""
    before = stage.daemon.status()["config"]["running_hash"]
    stage.content["cameras"]["gate"] = {"source": f"http://127.0.0.1:{free_port()}/stream"}
    assert caller.ask("config.apply", {"yaml": stage.text()})["status"] == "accepted"
    wait_for(lambda: "gate" in stage.daemon.status()["cameras"], WITHIN, stage.daemon.log)
    assert stage.write("cameras: {yard: {sorce: x}}")["errors"]
    wait_for(lambda: state(stage) == "rolled_back", TRIAL_S + WITHIN, stage.daemon.log)
    told = stage.status()
    assert (told["running_hash"], told["file"]) == (before, str(stage.daemon.file))
    assert {"cameras.gate", "cameras.yard.sorce"} <= {error["key"] for error in told["errors"]}
    assert not (stage.daemon.state / "remote.yaml").exists()
    for camera in ("yard", "hall"):
        stage.goes_on(camera)


def test_the_way_back_is_not_blocked_by_a_camera_that_is_down_just_then(stage: Stage, caller: Caller) -> None:
    former = stage.clip.with_name("former.mp4")
    shutil.copy(stage.clip, former)
    stage.edit(lambda c: (c["remote"].update(config="full"), c["cameras"]["yard"].update(source=str(former))))
    before = stage.daemon.status()["config"]["running_hash"]
    stage.content["cameras"]["yard"]["source"] = str(stage.clip)
    stage.content["cameras"]["gate"] = {"source": f"http://127.0.0.1:{free_port()}/stream"}
    assert caller.ask("config.apply", {"yaml": stage.text()})["status"] == "accepted"
    wait_for(lambda: "gate" in stage.daemon.status()["cameras"], WITHIN, stage.daemon.log)
    former.unlink()
    wait_for(lambda: state(stage) == "rolled_back", TRIAL_S + WITHIN, stage.daemon.log)
    assert stage.status()["running_hash"] == before
    shutil.copy(stage.clip, former)
    wait_for(lambda: stage.value(TOPICS.camera_status("yard")) == b"online", 3 * WITHIN, stage.daemon.log)


def test_one_that_needs_a_new_beginning_is_judged_as_any_other(stage: Stage, caller: Caller) -> None:
    """A camera that did not work before need not; that it is taken back, and why, is told by the run after."""
    dead = {"source": f"http://127.0.0.1:{free_port()}/stream"}
    stage.edit(lambda c: c["cameras"].update(gate=dict(dead)))
    assert caller.ask("camera.set", {"camera": "hall", "confidence": 0.9})["status"] == "ok"
    wait_for(lambda: stage.value(TOPICS.camera_status("gate")) == b"offline", WITHIN, stage.daemon.log)
    boot = stage.daemon.status()["boot_id"]

    def begun_anew() -> bool:
        return bool(stage.daemon.status().get("boot_id", boot) != boot)

    stage.content["outbox"] = {"max_age": "6d"}
    assert caller.ask("config.apply", {"yaml": stage.text()})["status"] == "accepted"
    wait_for(begun_anew, 30, stage.daemon.log)
    assert state(stage) == "pending"
    wait_for(lambda: state(stage) == "ok", 30 + TRIAL_S + WITHIN, stage.daemon.log)
    kept, boot = stage.daemon.status()["config"]["running_hash"], stage.daemon.status()["boot_id"]
    stage.content["outbox"] = {"max_age": "5d"}
    stage.content["cameras"]["hall"]["confidence"] = 0.7
    stage.content["cameras"]["porch"] = dict(dead)
    assert caller.ask("config.apply", {"yaml": stage.text()})["status"] == "accepted"
    wait_for(begun_anew, 30, stage.daemon.log)
    boot = stage.daemon.status()["boot_id"]
    wait_for(begun_anew, 60 + TRIAL_S + WITHIN, stage.daemon.log)
    told = stage.daemon.status()["config"]
    assert (told["state"], told["running_hash"]) == ("rolled_back", kept)
    assert [error["key"] for error in told["errors"]] == ["cameras.porch"]
    assert [(o["key"], o["value"]) for o in told["overrides"]] == [("cameras.hall.confidence", 0.9)]
    wait_for(lambda: stage.events("vedette.config.changed")[-1]["data"]["state"] == "rolled_back", 3 * WITHIN)


def test_a_daemon_that_dies_of_it_comes_back_without_it(stage: Stage, caller: Caller) -> None:
    before = stage.daemon.status()["config"]["running_hash"]
    stage.content["cameras"]["yard"]["confidence"] = 0.7
    assert caller.ask("config.apply", {"yaml": stage.text()})["status"] == "accepted"
    wait_for(lambda: stage.daemon.status()["config"]["running_hash"] != before, WITHIN, stage.daemon.log)
    stage.daemon.process.kill()
    stage.daemon.wait(WITHIN)
    stage.daemon.start()
    wait_for(lambda: stage.daemon.status().get("pid") == stage.daemon.pid, 30, stage.daemon.log)
    told = stage.daemon.status()["config"]
    assert (told["state"], told["running_hash"]) == ("rolled_back", before)


def test_a_model_is_selected_for_one_camera_and_kept_over_a_restart(stage: Stage, caller: Caller) -> None:
    other = stage.models[1]
    assert caller.refused("model.select", {"camera": "yard", "model": other}) == "not_allowed"
    stage.edit(lambda c: c["remote"].update(config="full"))
    answer = caller.ask("model.select", {"camera": "yard", "model": other})
    assert (answer["status"], answer["data"]) == ("ok", {"cameras": ["yard"], "model": other})
    for camera in ("yard", "hall"):
        stage.goes_on(camera)
    (override,) = stage.status()["overrides"]
    assert (override["key"], override["value"], override["file_value"]) == (
        "cameras.yard.model",
        other,
        stage.models[0],
    )
    assert caller.refused("model.select", {"camera": "hall", "model": "/no/such.onnx"}) == "invalid"
    stage.daemon.stop(signal.SIGTERM)
    stage.daemon.start()
    wait_for(stage.daemon.ready, 30, stage.daemon.log)
    assert len(stage.daemon.status()["engines"]) >= 1
    assert stage.status()["overrides"] == [override]
    stage.edit(lambda c: c["cameras"]["yard"].update(model=stage.models[1]))
    assert stage.status()["overrides"] == []
