"""Templates with the payloads that the agent really sends."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

pytest.importorskip("jinja2")
from agent.publish import counts, payloads
from agent.publish.counters import Counters
from agent.publish.events import Event, Numbered, TrackData, as_historical, event_message
from agent.publish.homeassistant.documents import devices
from tests.unit.publish.homeassistant.configs import GATE, presence, rendered

YARD = dataclasses.replace(GATE, id="yard")
HEALTH = payloads.Health(
    "pi",
    "b",
    0.0,
    True,
    1.0,
    {"gate": payloads.CameraHealth("online", 0.4, None, 14.96, 5.04, {})},
    {"openvino-person": payloads.EngineHealth("serving", 6.25, 9.0, 0)},
    Counters(),
    200 << 20,
    (0.1, 0.1, 0.1),
    48.6,
    None,
    payloads.OutboxHealth(4, 1.0, 900),
    [{"code": "camera-offline", "subject": "gate", "severity": "error", "text": "no answer"}],
)
STATE = payloads.CameraState(True, "x", 1, 1, 5.0, "person", "e", True, 0.35, 0.0, "serving")
TRACK = TrackData(
    "e-7", 7, "person", 0, 0.9, 0.9, (0, 0, 1, 1), 0.0, 1.0, 1.0, False, False, (), (), (), (1, 1), "m", "r"
)


def body(key: str, camera: str = "gate") -> dict[str, Any]:
    found = {d.camera: {e.key: e.body for e in d.entities} for d in devices(presence(GATE, YARD))}
    return dict(found[camera][key])


def shown(key: str, payload: bytes, camera: str = "gate") -> str:
    return rendered(body(key, camera)["value_template"], payload)


@pytest.mark.parametrize(
    ("key", "camera", "value"),
    [
        ("Temperature", "", "49"),
        ("Memory", "", "200"),
        ("Outbox", "", "4"),
        ("Inference_openvino-person", "", "6.2"),
        ("Problem", "", "OFF"),
        ("Problem", "gate", "ON"),
        ("Problem", "yard", "OFF"),
        ("Rate", "gate", "15.0"),
        ("Inferred", "gate", "5.0"),
        ("Age", "gate", "0"),
        ("Age", "yard", "None"),
    ],
)
def test_health(key: str, camera: str, value: str) -> None:
    assert shown(key, payloads.health(HEALTH), camera) == value


def test_health_that_knows_little() -> None:
    bare = dataclasses.replace(HEALTH, cameras={}, engines={}, temperature=None, outbox=None, alerts=())
    for key in ("Temperature", "Outbox", "Inference_openvino-person"):
        assert shown(key, payloads.health(bare), "") == "None"
    assert shown("Age", payloads.health(bare)) == "None"
    assert shown("Problem", payloads.health(bare)) == "OFF"


def test_the_alerts_are_attributes_of_the_problem() -> None:
    attributes = rendered(body("Problem")["json_attributes_template"], payloads.health(HEALTH))
    assert json.loads(attributes) == {"alerts": list(HEALTH.alerts)}


def test_an_alert_of_an_engine_is_the_agent_s_problem() -> None:
    alerts = [{"code": "engine-failed", "subject": "openvino-person", "severity": "error", "text": "gone"}]
    assert shown("Problem", payloads.health(dataclasses.replace(HEALTH, alerts=alerts)), "") == "ON"


def test_counts() -> None:
    assert shown("Count_all", counts.count(3, stale=False, at=0.0)) == "3"
    assert shown("Occupancy_all", counts.occupancy(occupied=True, stale=False, since=0.0)) == "ON"
    assert shown("Occupancy_all", counts.occupancy(occupied=False, stale=False, since=0.0)) == "OFF"
    crossed = counts.line_count(5, 2, since=0.0, at=0.0)
    assert (shown("Line_door_In_all", crossed), shown("Line_door_Out_person", crossed)) == ("5", "2")


def test_the_camera_s_state() -> None:
    assert shown("Detection", payloads.camera_state(STATE)) == "ON"
    assert shown("Detection", payloads.camera_state(dataclasses.replace(STATE, enabled=False))) == "OFF"
    assert shown("Confidence", payloads.camera_state(STATE)) == "0.35"


def test_what_is_sent() -> None:
    from agent.publish.homeassistant.controls import controls
    from agent.publish.topics import Topics

    sent = {entity.key: entity.body for entity in controls(GATE, Topics("", "pi"), ["camera.set", "snapshot"])}
    assert json.loads(sent["Detection"]["payload_off"]) == {"camera": "gate", "enabled": False}
    template = sent["Confidence"]["command_template"]
    assert json.loads(template.replace("{{ value }}", "0.55")) == {"camera": "gate", "confidence": 0.55}
    assert json.loads(sent["Take"]["payload_press"]) == {"camera": "gate"}


def test_versions() -> None:
    models = [payloads.ModelInfo("person", "77ab01ce", ["person"], None), payloads.ModelInfo("car", "0", [], None)]
    info = payloads.info(payloads.Info("pi", "a1b2", "", "1.2.3", 1, "b", None, None, [], models, [], [], "info", None))
    assert json.loads(shown("Version", info, "")) == {"installed_version": "1.2.3"}
    assert json.loads(shown("Model_person", info, "")) == {"installed_version": "77ab01ce"}


@pytest.mark.parametrize(
    ("engine_state", "said"),
    [("serving", "online"), ("degraded", "online"), ("failed", "offline"), ("loading", "offline"), (None, "offline")],
)
def test_an_engine_must_serve(engine_state: Any, said: str) -> None:
    from agent.publish.homeassistant.availability import watching
    from agent.publish.topics import Topics

    _device, camera, engine = watching(Topics("", "pi"), "gate")
    assert (
        rendered(engine["value_template"], payloads.camera_state(dataclasses.replace(STATE, engine_state=engine_state)))
        == said
    )
    assert rendered(camera["value_template"], b"online") == "online"
    assert rendered(camera["value_template"], b"stalled") == "offline"


def fired(key: str, kind: str, camera: str = "gate", *, late: bool = False, **changes: Any) -> dict[str, Any] | None:
    """What the gate's event entity makes of an event."""
    event = Event(f"vedette.{kind}", 0.0, True, dataclasses.replace(TRACK, **changes), camera)
    message = event_message(event, Numbered("e", 5), "pi")
    text = shown(key, as_historical(message) if late else message)
    return json.loads(text) if text else None


def test_events() -> None:
    assert fired("Track", "track.started") == {
        "event_type": "started",
        "id": "e-5",
        "time": "1970-01-01T00:00:00.000Z",
        "track_uid": "e-7",
        "label": "person",
        "confidence": 0.9,
        "duration": 1.0,
        "end_reason": None,
        "snapshot": None,
    }
    ended = fired("Track", "track.ended", end_reason="left")
    assert ended is not None
    assert (ended["event_type"], ended["end_reason"]) == ("ended", "left")
    entered = fired("Visit_porch", "zone.entered", zone="porch")
    assert entered is not None
    assert entered["event_type"] == "entered"
    crossed = fired("Crossing_door", "line.crossed", line="door", direction="out")
    assert crossed is not None
    assert crossed["event_type"] == "out"


@pytest.mark.parametrize("key", ["Track", "Visit_porch", "Crossing_door"])
def test_events_of_others_and_late_ones_say_nothing(key: str) -> None:
    kinds = {
        "track.started": {},
        "track.updated": {},
        "zone.entered": {"zone": "porch"},
        "line.crossed": {"line": "door", "direction": "in"},
    }
    for kind, changes in kinds.items():
        assert fired(key, kind, late=True, **changes) is None
        assert fired(key, kind, "yard", **changes) is None
    assert fired(key, "track.updated") is None
    assert fired(key, "zone.entered", zone="elsewhere") is None
    assert fired(key, "line.crossed", line="elsewhere", direction="in") is None
    gap = event_message(Event("vedette.gap", 0.0, True, {"from": 1, "to": 2}), Numbered("e", 6), "pi")
    status = event_message(
        Event("vedette.camera.status", 0.0, True, {"status": "online"}, "gate"), Numbered("e", 7), "pi"
    )
    assert shown(key, gap) == "" == shown(key, status)
