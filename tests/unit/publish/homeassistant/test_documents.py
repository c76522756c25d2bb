from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2")
from hypothesis import given, settings

from agent.config import parse
from agent.config.model import CameraConfig, LabelConfig, ZoneConfig
from agent.publish.homeassistant.documents import components, devices, documents, superseded
from agent.publish.homeassistant.presence import Presence
from agent.publish.topics import Topics
from tests.unit.publish.homeassistant.configs import GATE, UID, WHERE, presence, presences, rendered

AGENT, CAMERA = f"homeassistant/device/{UID}/config", f"homeassistant/device/{UID}_gate/config"
KEYS = """
Occupancy_all Count_all Occupancy_person Count_person
Zone_porch_Occupancy_all Zone_porch_Count_all Zone_porch_Occupancy_person Zone_porch_Count_person
Line_door_In_all Line_door_Out_all Line_door_In_person Line_door_Out_person
Track Visit_porch Crossing_door
Detection Confidence Take Snapshot Status Problem Rate Inferred Age
"""
DISCOVERY = re.compile(r"(\w+)/(?:([a-zA-Z0-9_-]+)/)?([a-zA-Z0-9_-]+)/config")
"""What Home Assistant takes after its prefix."""


def bodies(wanted: Presence) -> list[dict[str, Any]]:
    """Every entity's options, as Home Assistant sees them."""
    found = []
    for payload in documents(wanted).values():
        body = json.loads(payload)
        shared = {"availability": body["availability"], "device": body["device"]}
        found += [{**shared, **each} for each in body["components"].values()] if "components" in body else [body]
    return found


def test_the_camera_s_document() -> None:
    made = documents(presence(GATE))
    assert list(made) == [AGENT, CAMERA], "the agent first, as the cameras name it"
    body = json.loads(made[CAMERA])
    assert body["device"] == {
        "identifiers": ["a1b2_gate"],
        "name": "Gate",
        "manufacturer": "Vedette",
        "model": "Camera",
        "via_device": "a1b2",
    }
    assert body["origin"] == {"name": "vedette", "sw_version": "1.2.3"}
    assert [each["topic"] for each in body["availability"]] == [
        "vedette/1/pi/status",
        "vedette/1/pi/cam/gate/status",
        "vedette/1/pi/cam/gate/state",
    ]
    assert body["availability_mode"] == "all"
    assert list(body["components"]) == KEYS.split()
    assert body["components"]["Zone_porch_Occupancy_person"] == {
        "platform": "binary_sensor",
        "unique_id": "a1b2_gate_Zone_porch_Occupancy_person",
        "qos": 1,
        "name": "Porch person occupancy",
        "device_class": "occupancy",
        "state_topic": "vedette/1/pi/cam/gate/zone/porch/occupancy/person",
        "value_template": "{{ ('ON' if value_json.occupied else 'OFF') if value_json is defined }}",
    }


def test_where_the_config_gives_no_name_the_id_is_put_into_words() -> None:
    text = """
device: pi
homeassistant: {enabled: true}
cameras:
  front_gate:
    source: rtsp://10.0.0.7/stream
    labels: [person]
    zones: {back-porch: {polygon: [[0, 0], [1, 0], [1, 1]]}}
    lines: {door: {points: [[0, 0], [1, 1]]}, side_door: {name: iPad door, points: [[0, 0], [1, 1]]}}
"""
    wanted = dataclasses.replace(presence(), config=parse(text, "vedette.yaml", Path()))
    body = json.loads(documents(wanted)[f"homeassistant/device/{UID}_front_gate/config"])
    assert body["device"]["name"] == "Front gate"
    ipad = dataclasses.replace(GATE, name="iPad")
    assert json.loads(documents(presence(ipad))[CAMERA])["device"]["name"] == "iPad"
    names = {key: part["name"] for key, part in body["components"].items()}
    assert names["Zone_back-porch_Occupancy_person"] == "Back porch person occupancy"
    assert names["Visit_back-porch"] == "Back porch visit"
    assert names["Line_door_In_all"] == "Door in"
    assert names["Crossing_door"] == "Door crossing"
    assert names["Crossing_side_door"] == "IPad door crossing"


def test_what_may_be_said_while_nobody_looks_needs_the_device_only() -> None:
    parts = json.loads(documents(presence(GATE))[CAMERA])["components"]
    alone = {key for key, body in parts.items() if body.get("availability") == [{"topic": "vedette/1/pi/status"}]}
    watching = {key for key in parts if "Occupancy" in key or "Count" in key or key.startswith("Line")}
    assert alone == set(parts) - watching


def test_controls_are_there_for_allowed_commands_only() -> None:
    def keys(*commands: str) -> set[str]:
        return {entity.key for device in devices(presence(GATE, commands=commands)) for entity in device.entities}

    every = keys("camera.set", "snapshot", "restart")
    assert every - keys() == {"Detection", "Confidence", "Take", "Restart"}
    assert every - keys("camera.set") == {"Take", "Restart"}


def test_labels_that_were_merely_seen_are_there_but_not_shown() -> None:
    zones = (ZoneConfig("a", WHERE), ZoneConfig("b", WHERE, labels=("dog",)))
    camera = CameraConfig("gate", "x", "rtsp", zones=zones)
    parts = json.loads(documents(presence(camera, counted={"gate": ["dog", "cat"]}))[CAMERA])["components"]
    shown = {key: parts[key].get("enabled_by_default", True) for key in parts if "Count" in key}
    assert shown == {
        "Count_all": True,
        "Count_dog": False,
        "Count_cat": False,
        "Zone_a_Count_all": True,
        "Zone_a_Count_dog": False,
        "Zone_a_Count_cat": False,
        "Zone_b_Count_all": True,
        "Zone_b_Count_dog": True,
    }
    named = dataclasses.replace(camera, labels=(LabelConfig("cat"),))
    parts = json.loads(documents(presence(named, counted={"gate": ["dog", "cat"]}))[CAMERA])["components"]
    assert [key for key in parts if "Count" in key] == [
        "Count_all",
        "Count_cat",
        "Zone_a_Count_all",
        "Zone_a_Count_cat",
        "Zone_b_Count_all",
    ]


def test_what_is_gone_stays_by_its_platform_alone() -> None:
    before = {CAMERA: {"Zone_shed_Count_all": "sensor", "Count_all": "sensor"}}
    parts = json.loads(documents(presence(GATE), before)[CAMERA])["components"]
    assert parts["Zone_shed_Count_all"] == {"platform": "sensor"}
    assert parts["Count_all"]["unique_id"] == "a1b2_gate_Count_all"


def test_nothing_is_announced_unless_it_is_wanted() -> None:
    assert documents(presence(GATE, enabled=False)) == {} == components(presence(GATE, enabled=False))


def test_a_topic_of_the_other_form_is_superseded_while_its_device_is_there() -> None:
    one, other = list(documents(presence(GATE))), list(documents(presence(GATE, form="entity")))
    assert all(superseded(topic, other) for topic in one)
    assert all(superseded(topic, one) for topic in other)
    assert not any(superseded(topic, one) for topic in one)
    assert not superseded("homeassistant/sensor/a1b2_yard/Count_all/config", one)
    assert not any(superseded(topic, []) for topic in other)


@settings(max_examples=25, deadline=None)  # each makes some ten new templates, which take Jinja its time
@given(presences())
def test_any_config_makes_sound_documents(wanted: Presence) -> None:
    made, config = documents(wanted), wanted.config
    assert made.keys() == components(wanted).keys()
    for topic, payload in made.items():
        assert DISCOVERY.fullmatch(topic.removeprefix(f"{config.homeassistant.prefix}/")), topic
        json.loads(payload)
    entities = bodies(wanted)
    ids = [body["unique_id"] for body in entities]
    assert len(ids) == len(set(ids)) == sum(len(found) for found in components(wanted).values())
    assert all(unique.startswith(wanted.device_uid) for unique in ids)
    root = re.escape(Topics(config.mqtt.prefix, config.device).root)
    known = re.compile(
        rf"{root}/(status|info|health|events|cmd/(camera\.set|snapshot|restart)|cam/[a-z0-9_-]+/(status|state|snapshot"
        r"|(zone/[a-z0-9_-]+/)?(count|occupancy)/[a-z0-9_-]+|line/[a-z0-9_-]+/count/[a-z0-9_-]+))"
    )
    for body in entities:
        topics = [value for key, value in body.items() if key.endswith("_topic")]
        topics += [each["topic"] for each in body["availability"]]
        assert all(known.fullmatch(topic) for topic in topics), topics
        templates = [value for key, value in body.items() if key.endswith("_template") and key != "command_template"]
        assert all(rendered(template, b"") == "" for template in templates), "a cleared topic says nothing"
