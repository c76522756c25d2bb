"""A running daemon does what it is told over MQTT, once, and nothing that it should not."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from agent.runtime.machine import resident_bytes
from tests.support.audience import DEVICE, TOPICS, Audience
from tests.support.brokers import HOST, MOSQUITTO, MOSQUITTO_MISSING, mosquitto_process, wait_for
from tests.support.caller import Caller
from tests.support.contract import is_retained
from tests.support.daemon import VEDETTE, Daemon, config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.brokers import BrokerProcess

pytestmark = pytest.mark.rooted

EXTRA = [
    "snapshot",
    "camera.set",
    "config.get",
    "config.validate",
    "config.apply",
    "config.rollback",
    "model.select",
    "log.level",
    "restart",
    "diagnostics",
]
WITHIN = 10.0


class Stage:
    """A broker, a daemon that allows every command, a subscriber and a caller."""

    def __init__(self, folder: Path, broker: BrokerProcess, clip: Path, model: str) -> None:
        self.broker = broker
        cameras = {"yard": {"source": str(clip), "loop": True, "fps": 10}, "hall": {"source": str(clip), "loop": True}}
        self.text = config(
            broker.port, cameras, own=model, remote={"commands": EXTRA}, health={"interval": 1}, log={"level": "info"}
        )
        self.heard = Audience(broker)
        self.daemon = Daemon(folder, self.text)
        self.daemon.start()
        wait_for(self.daemon.ready, 30, self.daemon.log)
        wait_for(lambda: self.value(TOPICS.status) == b"online", WITHIN, self.daemon.log)
        self.caller = Caller(broker)

    def value(self, topic: str) -> bytes | None:
        return self.heard.values().get(topic)

    def state(self, camera: str) -> dict[str, Any]:
        return dict(json.loads(self.value(TOPICS.camera_state(camera)) or b"{}"))

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for topic, payload in self.heard.heard() if topic == TOPICS.events]

    def ends(self, camera: str) -> list[str]:
        """Why tracks of the camera have ended."""
        ends = (e for e in self.events() if e["type"] == "vedette.track.ended")
        return [e["data"]["end_reason"] for e in ends if e["source"].endswith(f"/{camera}")]

    def open(self, camera: str) -> int:
        """How many tracks of the camera have been told of that have not ended."""
        kinds = [e["type"] for e in self.events() if e["source"].endswith(f"/{camera}")]
        return kinds.count("vedette.track.started") - kinds.count("vedette.track.ended")

    def executed(self, command: str | None = None) -> list[dict[str, Any]]:
        """What events tell of a command, or of all."""
        told = [e["data"] for e in self.events() if e["type"] == "vedette.command.executed"]
        return [data for data in told if command in {None, data["command"]}]

    def detections(self, camera: str) -> int:
        return sum(topic == TOPICS.detections(camera) for topic, _ in self.heard.heard())


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, clip: Path, model: str) -> Iterator[Stage]:
    if MOSQUITTO is None:
        pytest.skip(MOSQUITTO_MISSING)
    folder = tmp_path_factory.mktemp("commands")
    broker = mosquitto_process(folder)
    found = Stage(folder, broker, clip, model)
    yield found
    found.daemon.end()
    found.caller.subscriber.stop()
    found.heard.subscriber.stop()
    broker.kill()
    assert not found.heard.violations()
    assert not found.caller.violations()


def test_info_names_the_commands_and_ping_answers(stage: Stage) -> None:
    answer = stage.caller.ask("ping")
    assert (answer["status"], answer["error"]) == ("ok", None)
    assert answer["data"]["boot_id"] == stage.caller.ask("info")["data"]["boot_id"]
    assert 0 < answer["took_ms"] < 5000
    info = json.loads(stage.value(TOPICS.info) or b"")
    assert info["commands"] == stage.caller.ask("info")["data"]["commands"]
    assert set(info["commands"]) == {*EXTRA, "ping", "info", "log.tail", "replay", "stream.lease"}


def test_a_camera_rests_and_is_watched_again(stage: Stage) -> None:
    wait_for(lambda: stage.open("yard"), WITHIN)
    answer = stage.caller.ask("camera.set", {"camera": "yard", "enabled": False})
    assert answer["data"] == {"camera": "yard", "enabled": False, "confidence": 0.5, "persistent": True}
    wait_for(lambda: stage.value(TOPICS.camera_status("yard")) == b"disabled", WITHIN, stage.daemon.log)
    wait_for(lambda: stage.state("yard")["enabled"] is False)
    told = json.loads(stage.value(TOPICS.config_status) or b"")["overrides"]
    assert [(o["key"], o["value"], o["file_value"]) for o in told] == [("cameras.yard.enabled", False, True)]
    wait_for(lambda: not stage.open("yard"), WITHIN)
    assert "stopped" in stage.ends("yard")
    time.sleep(1.0)
    before = stage.detections("yard")
    time.sleep(1.5)
    assert stage.detections("yard") == before
    assert stage.caller.ask("snapshot", {"camera": "yard"})["error"]["code"] == "no_picture"
    assert stage.caller.ask("camera.set", {"camera": "yard", "enabled": True})["status"] == "ok"
    wait_for(lambda: stage.value(TOPICS.camera_status("yard")) == b"online", WITHIN, stage.daemon.log)
    wait_for(lambda: stage.detections("yard") > before, WITHIN)
    assert json.loads(stage.value(TOPICS.config_status) or b"")["overrides"] == []
    wait_for(lambda: len(stage.executed("camera.set")) == 2, WITHIN)
    first, last = stage.executed("camera.set")
    assert (first["outcome"], first["arguments"]) == ("ok", {"camera": "yard", "enabled": False})
    assert last["source"] == stage.caller.reply_to


def test_the_confidence_of_a_camera_filters_at_once(stage: Stage) -> None:
    def latest() -> int:
        messages = [p for t, p in stage.heard.heard() if t == TOPICS.detections("hall")]
        return len(json.loads(messages[-1]).get("detections", ()))

    assert stage.caller.ask("camera.set", {"camera": "hall", "confidence": 0.0})["status"] == "ok"
    wait_for(lambda: latest() > 0, WITHIN)
    assert stage.caller.ask("camera.set", {"camera": "hall", "confidence": 1.0})["status"] == "ok"
    wait_for(lambda: latest() == 0, WITHIN)
    wait_for(lambda: stage.state("hall")["confidence"] == 1.0)
    stage.caller.ask("camera.set", {"camera": "hall", "confidence": 0.5})


def test_a_snapshot_is_the_whole_picture(stage: Stage) -> None:
    answer = stage.caller.ask("snapshot", {"camera": "hall"})
    data = answer["data"]
    assert (data["topic"], data["width"], data["height"]) == ("cam/hall/snapshot", 320, 240)
    topic = f"{TOPICS.root}/{data['topic']}"
    wait_for(lambda: stage.value(topic) is not None, WITHIN)
    picture = stage.value(topic) or b""
    assert hashlib.sha256(picture).hexdigest() == data["sha256"]
    assert picture.startswith(b"\xff\xd8")


def test_what_is_said_to_be_retained_is(stage: Stage) -> None:
    """Who comes late hears all of it; that nothing else is, is seen by whoever hears a message."""
    stage.caller.ask("snapshot", {"camera": "hall"})
    wait_for(lambda: stage.value(TOPICS.camera_snapshot("hall")), WITHIN)
    late = Audience(stage.broker)

    def said() -> set[str]:
        return {topic for topic, payload in stage.heard.values().items() if payload and is_retained(topic)}

    wait_for(lambda: said() <= {m.topic for m in late.messages if m.retain}, WITHIN)
    late.subscriber.stop()
    assert {TOPICS.status, TOPICS.info, TOPICS.config_status, TOPICS.camera_snapshot("hall")} < said()


def test_the_config_is_shown_and_a_bad_one_refused(stage: Stage) -> None:
    shown = stage.caller.ask("config.get")["data"]
    assert json.loads(shown["yaml"])["device"] == DEVICE
    assert shown["hash"] == shown["running_hash"]
    assert stage.caller.ask("config.validate", {"yaml": stage.text})["data"]["valid"]
    mistaken = stage.caller.ask("config.validate", {"yaml": "cameras:\n  yard: {sorce: a}\n"})["data"]
    assert not mistaken["valid"]
    (typo,) = (error for error in mistaken["errors"] if error["key"] == "cameras.yard.sorce")
    assert (typo["file"], typo["line"], typo["column"]) == ("remote.yaml", 2, 10)
    assert 'did you mean "source"' in typo["message"]
    refused = stage.caller.ask("config.apply", {"yaml": "cameras: {}"})
    assert (refused["status"], refused["error"]["code"], refused["data"]["valid"]) == ("rejected", "invalid", False)


def test_a_command_that_comes_twice_is_executed_once(stage: Stage) -> None:
    executed = len(stage.executed("log.level"))
    key = b"the same"
    first = stage.caller.ask("log.level", {"level": "info"}, key)
    assert stage.caller.ask("log.level", {"level": "info"}, key) == first
    stage.caller.ask("ping")
    wait_for(lambda: len(stage.executed("log.level")) == executed + 1)
    time.sleep(0.3)
    assert len(stage.executed("log.level")) == executed + 1


def test_what_is_wrong_is_refused_with_a_reason(stage: Stage) -> None:
    for name, body, code in [
        ("pong", {}, "unknown_command"),
        ("ping", b"", "empty"),
        ("ping", b"{", "not_json"),
        ("ping", b'{"a":' * 9000 + b"1" + b"}" * 9000, "too_deep"),
        ("ping", b" " * 70_000, "too_large"),
        ("ping", [], "not_an_object"),
        ("ping", {"all": True}, "bad_arguments"),
        ("camera.set", {"camera": "yrad", "enabled": True}, "bad_arguments"),
        ("camera.set", {"camera": "yard"}, "bad_arguments"),
        ("log.tail", {"ttl": 901}, "bad_arguments"),
        ("replay", {"from": 9, "to": 8}, "bad_arguments"),
    ]:
        assert stage.caller.refused(name, body) == code, (name, body)
    assert 'did you mean "yard"' in stage.caller.ask("snapshot", {"camera": "yrad"})["error"]["text"]


def test_a_retained_command_is_refused_though_it_comes_live(stage: Stage) -> None:
    """A broker hands it on to who has subscribed already as if it were not retained, unless asked not to."""
    boot, topic = stage.daemon.status()["boot_id"], TOPICS.command("restart")
    link = stage.caller.subscriber._link
    assert link is not None
    link.publish(topic, b"{}", qos=1, retain=True)
    try:
        wait_for(lambda: [data["code"] for data in stage.executed("restart")] == ["retained"], WITHIN)
    finally:
        link.publish(topic, b"", qos=1, retain=True)
    assert stage.daemon.status()["boot_id"] == boot


def test_no_answer_leaves_the_fence(stage: Stage) -> None:
    """Before the flood, after which events of refusals are few."""
    elsewhere = f"{TOPICS.root}/status"
    stage.caller.subscriber.publish(TOPICS.command("ping"), b"{}", response_topic=elsewhere, correlation=b"x")
    stage.caller.subscriber.publish(TOPICS.command("ping"), json.dumps({"reply_to": "a/b"}).encode())
    wait_for(lambda: [d["code"] for d in stage.executed("ping")].count("bad_reply") == 2, WITHIN)
    assert stage.value(elsewhere) == b"online"
    assert stage.value("a/b") is None


def test_thousands_of_pieces_of_junk_do_no_harm(stage: Stage) -> None:
    """Faster than they are looked at, 80 MB in all, with answers asked for; and some that the broker keeps."""
    draw = random.Random(5)
    before = resident_bytes(stage.daemon.pid) or 0
    names = [*EXTRA, "ping", "log.tail", "replay", "nothing", "a/b"]
    for n in range(5_000):
        body = draw.randbytes(draw.randrange(2000)) if n % 2 else b'{"camera":' * draw.randrange(6000)
        stage.caller.send(draw.choice(names), body)
    link = stage.caller.subscriber._link
    assert link is not None
    for name in ("restart", "camera.set"):
        link.publish(TOPICS.command(name), b'{"camera":"yard","enabled":false}', qos=1, retain=True)
    wait_for(lambda: stage.caller.told("ping", 1)["status"] == "ok", 60, "the flood does not end")
    wait_for(lambda: sum(data["suppressed"] for data in stage.executed()) > 100, WITHIN)
    assert stage.daemon.process.poll() is None
    assert (resident_bytes(stage.daemon.pid) or 0) - before < 60 << 20
    refused = {code for (code,) in ((d["code"],) for d in stage.executed("restart")) if code}
    assert refused <= {"empty", "not_json", "rate_limited", "retained", "not_an_object", "bad_arguments", "too_deep"}
    for name in ("restart", "camera.set"):
        link.publish(TOPICS.command(name), b"", qos=1, retain=True)
    assert stage.state("yard")["enabled"] is True


def test_the_body_may_say_where_and_by_which_name_to_answer(stage: Stage) -> None:
    topic = f"{TOPICS.replies}/old/client"
    body = {"reply_to": topic, "transaction": {"n": 7}}
    stage.caller.subscriber.publish(TOPICS.command("ping"), json.dumps(body).encode())
    wait_for(lambda: stage.value(topic) is not None, WITHIN)
    assert json.loads(stage.value(topic) or b"")["transaction"] == {"n": 7}


def test_events_are_sent_again_when_asked_for(stage: Stage) -> None:
    first = next(json.loads(p) for t, p in stage.heard.heard() if t == TOPICS.events)
    answer = stage.caller.ask("replay", {"from": first["seq"], "to": first["seq"]})
    assert (answer["status"], answer["data"]["epoch"]) == ("accepted", first["epoch"])

    def again() -> list[dict[str, Any]]:
        told = [json.loads(p) for t, p in stage.heard.heard() if t == TOPICS.events]
        return [e for e in told if e["id"] == first["id"] and e["historical"]]

    wait_for(again, WITHIN)


def test_diagnostics_have_it_all_in_one(stage: Stage) -> None:
    data = stage.caller.ask("diagnostics")["data"]
    assert set(data) == {"info", "config", "status", "threads", "log"}
    assert "cam-yard" in data["threads"]
    assert any("online" in line["message"] for line in data["log"])


def test_the_log_is_read_from_afar(stage: Stage) -> None:
    where = [DEVICE, "--broker", f"mqtt://{HOST}:{stage.broker.port}"]
    done = stage.daemon.verb("tail", *where, "--once", "--grep", "ONLINE", "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["fields"]["camera"] for line in lines} == {"yard", "hall"}
    reading = subprocess.Popen(
        [*VEDETTE, "tail", *where, "--level", "debug"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert reading.stdout is not None
        first = reading.stdout.readline()
        assert first.endswith("\n")
        assert "\x1b" not in first
        stage.caller.ask("camera.set", {"camera": "hall", "confidence": 0.5})
        found = next(line for line in reading.stdout if "camera.set: ok" in line)
        assert found.split()[1:3] == ["info", "commands:"]
        assert logging_level(stage) == "info"
    finally:
        reading.terminate()
        _, told = reading.communicate(timeout=10)
    assert told == ""
    assert reading.returncode == 0


def logging_level(stage: Stage) -> str:
    """As the log of the device itself shows it."""
    return str(json.loads(stage.value(TOPICS.info) or b"")["log_level"])


def test_nobody_answers_for_a_device_that_is_not_there(stage: Stage) -> None:
    done = stage.daemon.verb("tail", "nobody", "--broker", f"mqtt://{HOST}:{stage.broker.port}", "--once")
    assert done.returncode == 1
    assert "nothing of that name has ever been heard" in done.stderr


def test_a_stop_while_it_restarts_is_a_stop(stage: Stage) -> None:
    assert stage.caller.ask("restart")["status"] == "accepted"
    wait_for(lambda: "restarting: by command" in stage.daemon.log(), WITHIN)
    stage.daemon.process.send_signal(signal.SIGTERM)
    assert stage.daemon.wait(WITHIN) in {0, -signal.SIGTERM}  # the latter in the last moment before it begins again
    wait_for(lambda: stage.heard.statuses()[-1:] == [b"offline"], WITHIN)
    stage.daemon.start()
    wait_for(stage.daemon.ready, 30, stage.daemon.log)


def test_it_restarts_when_told_and_not_again_for_a_copy(stage: Stage) -> None:
    boot = stage.caller.ask("ping")["data"]["boot_id"]
    pid = stage.daemon.pid
    key = b"restart once"
    assert stage.caller.ask("restart", None, key)["status"] == "accepted"

    def boot_id() -> str:
        return str(json.loads(stage.value(TOPICS.info) or b"{}").get("boot_id"))

    wait_for(lambda: boot_id() != boot, 30, stage.daemon.log)
    wait_for(lambda: stage.heard.statuses()[-2:] == [b"offline", b"online"], WITHIN, stage.daemon.log)
    assert stage.daemon.pid == pid
    now = boot_id()
    assert stage.caller.ask("restart", None, key)["status"] == "accepted"
    time.sleep(2)
    assert stage.caller.ask("ping")["data"]["boot_id"] == now
