"""A real Home Assistant with a real mosquitto, in the newest release for each form of discovery that runs here."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable

import pytest

from agent.config.model import MqttConfig
from agent.publish.homeassistant.documents import devices, documents
from agent.publish.mqtt import Publisher
from tests.slow.homeassistant.home import Home
from tests.slow.homeassistant.playing import UID, Played, config, presence
from tests.slow.homeassistant.venvs import DEVICE, Release
from tests.support.audience import Audience
from tests.support.brokers import HOST, BrokerProcess, wait_for

pytestmark = pytest.mark.rooted
Play = Callable[..., Played]


def unique_ids(played: Played) -> set[str]:
    return {f"{device.unique}_{entity.key}" for device in devices(played.presence) for entity in device.entities}


def ids(home: Home) -> dict[str, str]:
    """Home Assistant's entity ids by unique id without the device's uid."""
    return {unique.removeprefix(f"{UID}_"): entry["entity_id"] for unique, entry in home.entities().items()}


def kept(audience: Audience) -> dict[str, bytes]:
    """What the broker holds, without any that is cleared; a new audience hears all of it at once."""
    wait_for(lambda: any(m.topic.endswith("/status") for m in audience.messages))
    time.sleep(0.5)
    return {m.topic: m.payload for m in audience.messages if m.payload}


def test_every_entity_is_there_and_shows_its_state(
    home: Home, play: Play, release: Release, mosquitto: BrokerProcess
) -> None:
    played = play(presence(config(mosquitto.port, "gate", "yard"), release.form))
    home.wait(lambda: set(home.entities()) == unique_ids(played))
    named = ids(home)
    played.counts("gate", 2)
    wanted = {
        "gate_Occupancy_all": "on",
        "gate_Zone_porch_Occupancy_person": "on",
        "gate_Count_person": "2",
        "gate_Line_door_In_all": "2",
        "gate_Line_door_Out_car": "0",
        "gate_Status": "online",
        "gate_Problem": "off",
        "gate_Rate": "15.0",
        "gate_Age": "0",
        "gate_Detection": "on",
        "gate_Confidence": "0.5",
        "gate_Track": "unknown",
        "gate_Take": "unknown",
        "yard_Occupancy_all": "off",
        "Temperature": "48",
        "Memory": "100",
        "Outbox": "3",
        "Inference_openvino-person": "6.2",
        "Problem": "off",
    }
    home.wait(lambda: {key: home.state(named[key]) for key in wanted} == wanted, 30)
    states = home.states()
    assert states[named["Version"]]["attributes"]["installed_version"] == "1.2.3"
    assert states[named["Model_person"]]["attributes"]["installed_version"] == "77ab01ce"
    assert states[named["gate_Snapshot"]]["state"] not in {"unavailable", "unknown"}
    assert not [s["entity_id"] for s in states.values() if s["state"] == "unavailable"]
    listed = home.ask("config/device_registry/list")[0]
    found = {tuple(identifier)[1]: device for device in listed for identifier in device["identifiers"]}
    assert found[f"{UID}_gate"]["via_device_id"] == found[UID]["id"]
    assert (found[UID]["name"], found[f"{UID}_gate"]["name"]) == ("Garden", "Gate")
    assert not home.complaints("WARNING")


def test_entities_are_available_with_device_camera_and_engine(
    home: Home, play: Play, release: Release, mosquitto: BrokerProcess
) -> None:
    played = play(presence(config(mosquitto.port, "gate"), release.form))
    home.wait(lambda: set(home.entities()) == unique_ids(played))
    named = ids(home)
    occupancy, switch = named["gate_Occupancy_all"], named["gate_Detection"]

    def shown(watching: str, alive: str = "on") -> bool:
        states = home.states()
        return (states[occupancy]["state"], states[switch]["state"]) == (watching, alive)

    home.wait(lambda: shown("off"))
    played.status("gate", "stalled")
    home.wait(lambda: shown("unavailable"))
    played.status("gate", "online")
    home.wait(lambda: shown("off"))
    played.state("gate", engine_state="failed")
    home.wait(lambda: shown("unavailable"))
    played.state("gate", engine_state="degraded")
    home.wait(lambda: shown("off"))
    played.status("gate", "disabled")
    played.state("gate", enabled=False)
    home.wait(lambda: shown("unavailable", "off"))
    played.status("gate", "online")
    played.state("gate")
    home.wait(lambda: shown("off"))
    played.alert({"code": "camera-offline", "subject": "gate", "severity": "error", "text": "no answer"})
    home.wait(lambda: (home.state(named["gate_Problem"]), home.state(named["Problem"])) == ("on", "off"))
    assert home.states()[named["gate_Problem"]]["attributes"]["alerts"][0]["text"] == "no answer"
    played.alert({"code": "disk-full", "subject": "device", "severity": "error", "text": "full"})
    home.wait(lambda: (home.state(named["gate_Problem"]), home.state(named["Problem"])) == ("off", "on"))
    played.kill()
    home.wait(lambda: shown("unavailable", "unavailable"))
    assert not home.complaints("WARNING")


def test_what_is_switched_set_and_pressed_arrives_as_a_command(
    home: Home, play: Play, release: Release, mosquitto: BrokerProcess, listen: Callable[[BrokerProcess], Audience]
) -> None:
    played = play(presence(config(mosquitto.port, "gate"), release.form))
    audience = listen(mosquitto)
    home.wait(lambda: home.state(ids(home)["gate_Detection"]) == "on")
    named = ids(home)
    home.call("switch/turn_off", named["gate_Detection"])
    home.call("number/set_value", named["gate_Confidence"], value=0.55)
    home.call("button/press", named["gate_Take"])
    home.call("switch/turn_on", named["gate_Detection"])
    home.call("button/press", named["Restart"])

    def commands() -> list[tuple[str, object, bool, int]]:
        return [
            (m.topic.rsplit("/", 1)[1], json.loads(m.payload), m.retain, m.qos)
            for m in audience.messages
            if m.topic.startswith(played.topics.command(""))
        ]

    wait_for(lambda: len(commands()) == 5)
    assert commands() == [
        ("camera.set", {"camera": "gate", "enabled": False}, False, commands()[0][3]),
        ("camera.set", {"camera": "gate", "confidence": 0.55}, False, commands()[0][3]),
        ("snapshot", {"camera": "gate"}, False, commands()[0][3]),
        ("camera.set", {"camera": "gate", "enabled": True}, False, commands()[0][3]),
        ("restart", {}, False, commands()[0][3]),
    ]
    assert home.state(named["gate_Detection"]) == "on", "only the agent says what is"


def test_events_fire_live_and_not_late(home: Home, play: Play, release: Release, mosquitto: BrokerProcess) -> None:
    played = play(presence(config(mosquitto.port, "gate", "yard"), release.form))
    home.wait(lambda: set(home.entities()) == unique_ids(played))
    named = ids(home)
    home.wait(lambda: home.state(named["yard_Crossing_door"]) == "unknown")

    def last(key: str) -> tuple[object, object]:
        attributes = home.states()[named[key]]["attributes"]
        return attributes.get("event_type"), attributes.get("id")

    played.event("gate", "vedette.track.started", historical=True)
    played.event("gate", "vedette.line.crossed", line="door", direction="in", historical=True)
    played.event("yard", "vedette.track.updated")
    played.event("gate", "vedette.zone.entered", zone="elsewhere")
    started = played.event("gate", "vedette.track.started")
    entered = played.event("gate", "vedette.zone.entered", zone="porch", seconds=1.0)
    crossed = played.event("gate", "vedette.line.crossed", line="door", direction="out")
    home.wait(lambda: last("gate_Crossing_door") == ("out", crossed))
    assert last("gate_Track") == ("started", started)
    assert last("gate_Visit_porch") == ("entered", entered)
    assert home.states()[named["gate_Visit_porch"]]["attributes"]["label"] == "person"
    for key in ("yard_Track", "yard_Visit_porch", "yard_Crossing_door"):
        assert home.state(named[key]) == "unknown", "another camera's"
    ended = played.event("gate", "vedette.track.ended", end_reason="left")
    home.wait(lambda: last("gate_Track") == ("ended", ended))
    played.event("gate", "vedette.track.started", historical=True)
    left = played.event("gate", "vedette.zone.left", zone="porch", seconds=4.0)
    home.wait(lambda: last("gate_Visit_porch") == ("left", left))
    assert last("gate_Track") == ("ended", ended)
    assert not home.complaints("WARNING")


def test_a_wiped_broker_is_told_again(home: Home, play: Play, release: Release, mosquitto: BrokerProcess) -> None:
    played = play(presence(config(mosquitto.port, "gate"), release.form))
    home.wait(lambda: set(home.entities()) == unique_ids(played))
    mosquitto.kill()
    home.wait(lambda: not home.complaints() and home.state(ids(home)["gate_Detection"]) == "unavailable")
    mosquitto.start()
    wait_for(lambda: played.publisher.connected, 20)
    home.stop()
    home.start()
    named = ids(home)
    home.wait(lambda: home.state(named["gate_Occupancy_all"]) == "off", 60)
    assert set(home.entities()) == unique_ids(played)


def test_what_is_gone_from_the_config_is_gone_from_home_assistant(
    home: Home, play: Play, release: Release, mosquitto: BrokerProcess
) -> None:
    first = play(presence(config(mosquitto.port, "gate", "yard"), release.form))
    home.wait(lambda: set(home.entities()) == unique_ids(first))
    kept = ids(home)
    first.stop()
    smaller = presence(config(mosquitto.port, "gate", device="renamed"), release.form)
    bare = dataclasses.replace(smaller.config.cameras[0], zones=())
    smaller = dataclasses.replace(smaller, config=dataclasses.replace(smaller.config, cameras=(bare,)))
    second = play(smaller)
    home.wait(lambda: set(home.entities()) == unique_ids(second))
    assert not [key for key in ids(home) if "porch" in key or "yard" in key]
    assert ids(home) == {key: kept[key] for key in ids(home)}, "a renamed device keeps its entities"
    home.wait(lambda: home.state(kept["gate_Occupancy_all"]) == "off")
    home.wait(
        lambda: (
            f"{UID}_yard"
            not in {i[1] for device in home.ask("config/device_registry/list")[0] for i in device["identifiers"]}
        )
    )
    second.stop()
    play(presence(config(mosquitto.port, "gate", device="renamed", enabled=False), release.form))
    home.wait(lambda: not home.entities())
    assert not home.complaints()


def test_what_was_deleted_is_announced_again_when_home_assistant_is_back(
    home: Home, play: Play, release: Release, mosquitto: BrokerProcess, listen: Callable[[BrokerProcess], Audience]
) -> None:
    played = play(presence(config(mosquitto.port, "gate"), release.form))
    home.wait(lambda: set(home.entities()) == unique_ids(played))
    home.stop()
    erased = documents(played.presence)
    eraser = Publisher(MqttConfig(host=HOST, port=mosquitto.port), "eraser")
    for topic in erased:
        eraser.retain(topic, b"")
    eraser.start()
    wait_for(lambda: eraser.connected)
    eraser.stop(2.0)
    assert not set(kept(listen(mosquitto))) & set(erased)
    home.start()
    named = ids(home)
    home.wait(lambda: home.state(named["gate_Occupancy_all"]) == "off", 30)
    assert set(home.entities()) == unique_ids(played)


def test_entities_outlive_a_change_of_form(
    home: Home, play: Play, release: Release, mosquitto: BrokerProcess, listen: Callable[[BrokerProcess], Audience]
) -> None:
    """Only the newer one knows both."""
    if release is not DEVICE:
        pytest.skip(f"{release.version} knows one form only")
    wanted = config(mosquitto.port, "gate")
    first = play(presence(wanted, "entity"))
    home.wait(lambda: set(home.entities()) == unique_ids(first))
    before = home.entities()
    for form in ("device", "entity"):
        first.stop()
        first = play(presence(wanted, form))
        gone = documents(presence(wanted, {"device": "entity", "entity": "device"}[form]))
        wait_for(first.announced, 20)
        home.wait(lambda: home.state(ids(home)["gate_Occupancy_all"]) == "off")
        after = home.entities()
        assert {u: (e["id"], e["entity_id"]) for u, e in after.items()} == {
            u: (e["id"], e["entity_id"]) for u, e in before.items()
        }
        first.counts("gate", 1)
        home.wait(lambda: home.state(ids(home)["gate_Occupancy_all"]) == "on")
        first.counts("gate", 0)
        assert not set(kept(listen(mosquitto))) & set(gone)
    assert not home.complaints()
