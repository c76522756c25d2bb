"""An edit of the config file is live within a second, and a mistake in it costs nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.audience import TOPICS, Audience
from tests.support.brokers import free_port, mosquitto_process, wait_for
from tests.support.reloading import WITHIN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.reloading import Stage

pytestmark = pytest.mark.rooted

PORCH = {"polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}


def test_a_zone_is_live_at_once_and_nothing_else_notices(stage: Stage) -> None:
    pid, before = stage.daemon.pid, {camera: stage.statuses(camera) for camera in ("yard", "hall")}
    restarts = {name: engine["restarts"] for name, engine in stage.daemon.status()["engines"].items()}
    tracks = {d["track_id"] for m in stage.messages("yard")[-3:] for d in m.get("detections", ())} - {None}
    told = stage.edit(lambda c: c["cameras"]["yard"].update(zones={"porch": PORCH}))
    assert (told["state"], told["errors"]) == ("ok", [])
    assert told["running_hash"] == told["file_hash"]
    count = TOPICS.count("yard", "all", "porch")
    wait_for(lambda: stage.value(count) is not None, WITHIN, stage.daemon.log)
    for camera in ("yard", "hall"):
        stage.goes_on(camera)
        assert stage.statuses(camera) == before[camera]
    after = {d["track_id"] for m in stage.messages("yard")[-3:] for d in m.get("detections", ())}
    assert not tracks or tracks & after, "who was followed is somebody else now"
    assert stage.daemon.pid == pid
    assert {name: engine["restarts"] for name, engine in stage.daemon.status()["engines"].items()} == restarts
    (changed,) = [event["data"] for event in stage.events("vedette.config.changed")]
    assert (changed["state"], changed["origin"], changed["changed"]) == ("ok", "file", ["cameras.yard"])
    stage.edit(lambda c: c["cameras"]["yard"].pop("zones"))
    wait_for(lambda: not stage.value(count), WITHIN, stage.daemon.log)


def test_what_was_pictured_before_it_became_private_is_not_kept(stage: Stage) -> None:
    picture, person = TOPICS.camera_snapshot("yard"), {"enabled": True, "crop": False}
    stage.edit(lambda c: c["cameras"]["yard"].update(snapshots=person))
    wait_for(lambda: bool(stage.value(picture)), 3 * WITHIN, stage.daemon.log)
    stage.edit(lambda c: c["cameras"]["yard"].update(privacy={"masks": [[[0, 0], [1, 0], [1, 0.99], [0, 0.99]]]}))
    wait_for(lambda: not stage.value(picture), WITHIN, stage.daemon.log)


def test_messages_and_frames_are_numbered_on_when_a_camera_comes_back(stage: Stage) -> None:
    hall = stage.content["cameras"]["hall"]
    reached = stage.messages("hall")[-1]
    stage.edit(lambda c: c["cameras"].pop("hall"))
    stage.edit(lambda c: c["cameras"].update(hall=hall))
    told = len(stage.messages("hall"))
    wait_for(lambda: len(stage.messages("hall")) > told + 3, WITHIN, stage.daemon.log)
    back = stage.messages("hall")[told]
    assert back["seq"] > reached["seq"]
    assert back["frame"]["index"] > reached["frame"]["index"]
    assert back["frame"]["media_time"] > reached["frame"]["media_time"]


def test_a_mistake_costs_nothing_and_is_told_with_its_place(stage: Stage) -> None:
    good = stage.text()
    told = stage.write(good.replace('"loop"', '"lop"', 1))
    assert told["state"] == "rejected"
    (error, *_) = told["errors"]
    assert (error["line"], error["key"]) == (1, "cameras.yard.lop")
    assert error["column"] > 1
    assert 'did you mean "loop"' in error["message"]
    assert told["file_hash"] != told["running_hash"]
    for camera in ("yard", "hall"):
        stage.goes_on(camera)
    shown = stage.daemon.verb("status").stdout
    assert "cameras.yard.lop" in shown
    assert stage.events("vedette.config.changed")[-1]["data"]["errors"] == told["errors"]
    assert stage.write(good)["state"] == "ok"


def test_cameras_come_and_go(stage: Stage) -> None:
    stage.edit(lambda c: c["cameras"].update(gate={"source": str(stage.clip), "loop": True}))
    wait_for(lambda: stage.value(TOPICS.camera_status("gate")) == b"online", WITHIN, stage.daemon.log)
    wait_for(lambda: len(stage.frames("gate")) > 2, WITHIN, stage.daemon.log)
    assert json.loads(stage.value(TOPICS.info) or b"")["cameras"] == ["yard", "hall", "gate"]
    stage.edit(lambda c: c["cameras"].pop("yard"))
    gone = (TOPICS.camera_status("yard"), TOPICS.camera_state("yard"), TOPICS.count("yard", "all"))
    wait_for(lambda: not any(stage.value(topic) for topic in gone), WITHIN, stage.daemon.log)
    for camera in ("hall", "gate"):
        stage.goes_on(camera)
    wait_for(lambda: set(stage.daemon.status()["cameras"]) == {"hall", "gate"}, WITHIN, stage.daemon.log)
    wait_for(lambda: b"yard" not in (stage.value(TOPICS.info) or b""), WITHIN, stage.daemon.log)


def test_a_source_that_does_not_work_does_not_take_the_place_of_one_that_does(stage: Stage, tmp_path: Path) -> None:
    dead = f"http://127.0.0.1:{free_port()}/stream"
    before = dict(stage.content["cameras"]["yard"])
    told = stage.edit(lambda c: c["cameras"].update(yard={"source": dead, "fps": 10}))
    assert told["state"] == "rejected"
    assert [error["key"] for error in told["errors"]] == ["cameras.yard.source"]
    stage.goes_on("yard")
    other = tmp_path / "other.mp4"
    other.write_bytes(stage.clip.read_bytes())
    told = stage.edit(lambda c: c["cameras"].update(yard={**before, "source": str(other)}))
    assert (told["state"], told["errors"]) == ("ok", [])
    stage.goes_on("yard")
    stage.goes_on("hall")
    assert json.loads(stage.value(TOPICS.camera_state("yard")) or b"")["source"] == str(other)


def test_another_model_warms_up_beside_the_one_that_serves(stage: Stage) -> None:
    (old,) = stage.daemon.status()["engines"]
    told = stage.edit(lambda c: c.update(model=stage.models[1]))
    assert told["state"] == "ok"
    wait_for(lambda: len(stage.daemon.status()["engines"]) == 1, WITHIN, stage.daemon.log)
    for camera in ("yard", "hall"):
        stage.goes_on(camera)
    assert {m["model"] for m in stage.messages("yard")[-2:]} == {"two"}
    assert old not in stage.daemon.status()["engines"]
    wait_for(lambda: not stage.value(TOPICS.engine_status(old)), WITHIN, stage.daemon.log)
    told = stage.edit(lambda c: c.update(model=str(stage.clip)))
    assert told["state"] == "rejected"
    stage.goes_on("yard")


def test_another_broker_is_tried_before_the_old_one_is_given_up(stage: Stage, tmp_path: Path) -> None:
    good = stage.text()
    stage.daemon.file.write_text(good.replace(str(stage.broker.port), str(free_port())))
    wait_for(lambda: stage.daemon.status()["config"]["state"] == "pending", WITHIN, stage.daemon.log)
    done = stage.daemon.verb("reload")  # which, begun anew, took a broker that nobody was connected to any more
    assert (done.returncode, ": mqtt: " in done.stdout) == (2, True), done.stdout
    told = stage.daemon.status()["config"]
    assert (told["state"], [error["key"] for error in told["errors"]]) == ("rejected", ["mqtt"])
    stage.goes_on("yard")
    (tmp_path / "second").mkdir()
    second = mosquitto_process(tmp_path / "second")
    try:
        there = Audience(second)
        before = stage.daemon.status()["reloads"]
        stage.daemon.file.write_text(good.replace(str(stage.broker.port), str(second.port)))
        wait_for(lambda: stage.daemon.status()["reloads"] > before, 3 * WITHIN, stage.daemon.log)
        wait_for(lambda: there.values().get(TOPICS.status) == b"online", WITHIN, stage.daemon.log)
        wait_for(lambda: stage.value(TOPICS.status) == b"offline", WITHIN, stage.daemon.log)
        assert there.values()[TOPICS.camera_status("yard")] == b"online"
        there.subscriber.stop()
    finally:
        second.kill()


def test_another_clip_is_seen_from_its_beginning_however_long_the_rest_takes(stage: Stage, tmp_path: Path) -> None:
    """A model takes longer to load than the two seconds of the clip to be read at full speed."""
    other = tmp_path / "other.mp4"
    other.write_bytes(stage.clip.read_bytes())

    def change(content: dict[str, Any]) -> None:
        content["model"] = stage.models[1]
        content["cameras"]["yard"] = {"source": str(other)}

    told = stage.edit(change)
    assert told["state"] == "ok"
    wait_for(lambda: stage.statuses("yard")[-1] == b"ended", WITHIN, stage.daemon.log)
    times = [message["frame"]["media_time"] for message in stage.messages("yard") if message.get("model") == "two"]
    assert times
    assert times[-1] - times[0] > 1, "most of it was not looked at"
    stage.goes_on("hall")
