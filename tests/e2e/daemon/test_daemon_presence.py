"""What a subscriber finds: Home Assistant's documents, streams on lease, and no ghosts of a config that is gone."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.audience import DEVICE, TOPICS, Audience
from tests.support.brokers import HOST, wait_for
from tests.support.caller import Caller
from tests.support.daemon import config

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.brokers import BrokerProcess
    from tests.support.daemon import Daemon

    Start = Callable[..., Daemon]
    Listen = Callable[[BrokerProcess], Audience]

pytestmark = pytest.mark.rooted
WITHIN = 15.0


def retained(broker: BrokerProcess) -> dict[str, bytes]:
    """What somebody who subscribes now is told at once."""
    audience = Audience(broker)
    time.sleep(0.5)
    audience.subscriber.stop()
    return {m.topic: m.payload for m in audience.messages if m.retain}


def test_home_assistant_is_told_of_the_device_and_told_again_at_its_birth(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, model: str, clip: Path
) -> None:
    heard = listen(mosquitto)
    camera = {"source": str(clip), "loop": True, "fps": 5}
    run = daemon(config(mosquitto.port, {"yard": camera}, own=model, homeassistant={"enabled": True}))

    def documents() -> list[dict[str, Any]]:
        told = [p for t, p in heard.heard() if t.startswith("homeassistant/device/") and t.endswith("/config")]
        return [json.loads(payload) for payload in told]

    wait_for(lambda: TOPICS.status in dict(heard.heard()) and heard.statuses()[-1] == b"online", 30, run.log)
    agent, yard = documents()
    uid = json.loads(dict(heard.heard())[TOPICS.info])["device_uid"]
    assert agent["device"]["identifiers"] == [uid]
    assert yard["device"]["via_device"] == uid
    switch = yard["components"]["Detection"]
    assert switch["command_topic"] == TOPICS.command("camera.set")
    wait_for(run.ready, 30, run.log)
    time.sleep(2.5)  # with the first counts, the entities for them come
    before = len(documents())
    caller = Caller(mosquitto)
    caller.subscriber.publish("homeassistant/status", b"online")
    wait_for(lambda: len(documents()) == before + 2, WITHIN, run.log)
    caller.subscriber.publish(switch["command_topic"], switch["payload_off"].encode())
    wait_for(lambda: dict(heard.heard())[TOPICS.camera_status("yard")] == b"disabled", WITHIN, run.log)
    caller.subscriber.stop()


def test_detections_come_while_they_are_leased(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, model: str, clip: Path
) -> None:
    heard = listen(mosquitto)
    where = {"url": f"mqtt://{HOST}:{mosquitto.port}", "detections": {"publish": "leased", "max_rate": 0}}
    run = daemon(config(mosquitto.port, {"yard": {"source": str(clip), "loop": True}}, own=model, mqtt=where))
    wait_for(run.ready, 30, run.log)
    caller = Caller(mosquitto)

    def detections() -> int:
        return sum(topic == TOPICS.detections("yard") for topic, _ in heard.heard())

    assert caller.ask("stream.lease", {"camera": "yard", "ttl": 0})["status"] == "ok"
    assert detections() == 0
    answer = caller.ask("stream.lease", {"camera": "yard", "ttl": 1.5})
    assert answer["data"] == {"camera": "yard", "ttl": 1.5, "publish": "leased"}
    wait_for(lambda: detections() > 10, WITHIN)
    time.sleep(2.0)
    over = detections()
    time.sleep(1.0)
    assert detections() == over
    assert caller.refused("snapshot", {"camera": "yard"}) == "not_allowed"
    caller.subscriber.stop()


def test_what_the_config_does_not_yield_any_more_is_emptied(
    mosquitto: BrokerProcess, daemon: Start, model: str, clip: Path
) -> None:
    camera = {"source": str(clip), "loop": True, "fps": 5}
    zones = {"porch": {"polygon": [[0, 0], [1, 0], [1, 1]]}}
    more = {"homeassistant": {"enabled": True}, "own": model}
    first = daemon(config(mosquitto.port, {"yard": {**camera, "zones": zones}, "hall": camera}, **more))
    wait_for(first.ready, 30, first.log)
    wait_for(lambda: TOPICS.count("yard", "all", "porch") in retained(mosquitto), 20, first.log)
    before = retained(mosquitto)
    first.process.kill()
    first.process.wait(5)

    text = json.loads(config(mosquitto.port, {"yard": camera}, **more))
    second = daemon(json.dumps({**text, "device": "renamed"}))
    wait_for(second.ready, 30, second.log)

    def left() -> set[str]:
        return set(retained(mosquitto))

    wait_for(lambda: not any(topic.startswith(f"vedette/1/{DEVICE}/") for topic in left()), 20, second.log)
    after = retained(mosquitto)
    assert after["vedette/1/renamed/status"] == b"online"
    assert not any("porch" in topic or "hall" in topic for topic in after)
    homes = {topic for topic in before if topic.startswith("homeassistant/")}
    assert len(homes) == 3
    assert len({topic for topic in after if topic.startswith("homeassistant/")}) == 2


def test_what_only_the_run_before_knew_is_gone_when_the_next_is_online(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, model: str, clip: Path
) -> None:
    """A daemon that was killed has told of people; with the next one, whose camera does not answer, nobody knows."""
    first = daemon(config(mosquitto.port, {"yard": {"source": str(clip), "loop": True, "fps": 5}}, own=model))
    counts = {TOPICS.count("yard", "all"), TOPICS.occupancy("yard", "all")}
    wait_for(lambda: counts <= retained(mosquitto).keys(), 20, first.log)
    first.process.kill()
    first.process.wait(5)
    heard = listen(mosquitto)
    second = daemon(config(mosquitto.port, {"yard": {"source": f"rtsp://{HOST}:9/"}}, own=model))
    wait_for(lambda: heard.statuses()[-1:] == [b"online"], 30, second.log)
    emptied = [(topic, payload) for topic, payload in heard.heard() if topic in counts | {TOPICS.status}]
    assert {topic for topic, payload in emptied if not payload} == counts
    assert emptied[-1] == (TOPICS.status, b"online")
    assert not counts & retained(mosquitto).keys()
