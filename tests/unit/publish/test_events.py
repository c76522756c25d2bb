from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agent.publish import counts, events
from agent.publish.events import Event, Numbered, Snapshot, TrackData, as_historical, event_message, track_uid

TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
NUMBER = {"type": ["number", "null"]}
UNIT = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
TEXT = {"type": "string"}


def closed(**properties: Any) -> dict[str, Any]:
    """An object with exactly these."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


ENVELOPE = closed(
    specversion={"const": "1.0"},
    id={"type": "string", "pattern": r"^[0-9a-f]+-\d+$"},
    source={"type": "string", "pattern": r"^vedette/[a-z0-9_-]+(/[a-z0-9_-]+)?$"},
    type={"type": "string", "pattern": r"^vedette\.[a-z]+(\.[a-z]+)?$"},
    time=TIME,
    datacontenttype={"const": "application/json"},
    seq={"type": "integer", "minimum": 1},
    epoch={"type": "string", "pattern": "^[0-9a-f]+$"},
    historical={"type": "boolean"},
    data={"type": "object"},
)
CLOCK = {"enum": ["synced", "unsynced"]}
TRACK = closed(
    track_uid={"type": "string", "pattern": r"^[0-9a-f]+-\d+$"},
    track_id={"type": "integer"},
    label=TEXT,
    class_id={"type": "integer"},
    confidence=NUMBER,
    best_confidence=NUMBER,
    box={
        "type": ["array", "null"],
        "items": {"type": "number", "minimum": 0, "maximum": 1},
        "minItems": 4,
        "maxItems": 4,
    },
    first_seen=TIME,
    last_seen=TIME,
    duration=NUMBER,
    stationary={"type": "boolean"},
    stale={"type": "boolean"},
    zones={"type": "array", "items": closed(zone=TEXT, seconds=NUMBER)},
    lines={"type": "array", "items": closed(line=TEXT, direction={"enum": ["in", "out"]})},
    path={"type": "array", "items": {"type": "array", "items": NUMBER, "minItems": 3, "maxItems": 3}},
    frame=closed(width={"type": "integer"}, height={"type": "integer"}),
    snapshot={"anyOf": [{"type": "null"}, closed(topic=TEXT, sha256={"type": "string", "pattern": "^[0-9a-f]{64}$"})]},
    model=TEXT,
    model_rev=TEXT,
    clock=CLOCK,
)
VALID_ENVELOPE, VALID_TRACK = Draft202012Validator(ENVELOPE), Draft202012Validator(TRACK)
AT = 1795456800.123
NUMBERED = Numbered("3c9e", 1042)
SNAPSHOT = Snapshot("snapshot/3c9e-1042", "ab" * 32)
WALKER = TrackData(
    uid="3c9e-7",
    track_id=7,
    label="person",
    class_id=0,
    confidence=0.88,
    best_confidence=0.97,
    box=(0.41276, 0.20139, 0.47135, 0.55208),
    first_seen=AT,
    last_seen=AT + 11.777,
    duration=11.8,
    stationary=False,
    stale=False,
    zones=(("porch", 6.2),),
    lines=(("door", "in"),),
    path=((0.0, 0.44, 0.55), (11.8, 0.45, 0.56)),
    frame=(768, 576),
    model="person",
    model_rev="77ab01ce",
)


def told(event: Event, snapshot: Snapshot | None = None) -> dict[str, Any]:
    body = json.loads(event_message(event, NUMBERED, "gate-pi", snapshot), parse_constant=pytest.fail)
    VALID_ENVELOPE.validate(body)
    return body


def happened(kind: str, data: TrackData) -> Event:
    return Event(f"vedette.{kind}", AT + 12.277, synced=True, data=data, camera="gate")


def test_the_end_of_a_track_is_worded_as_the_interface_has_it() -> None:
    body = told(happened("track.ended", replace(WALKER, end_reason="left")), SNAPSHOT)
    assert body == {
        "specversion": "1.0",
        "id": "3c9e-1042",
        "source": "vedette/gate-pi/gate",
        "type": "vedette.track.ended",
        "time": "2026-11-23T18:00:12.400Z",
        "datacontenttype": "application/json",
        "seq": 1042,
        "epoch": "3c9e",
        "historical": False,
        "data": {
            "track_uid": "3c9e-7",
            "track_id": 7,
            "label": "person",
            "class_id": 0,
            "confidence": 0.88,
            "best_confidence": 0.97,
            "box": [0.41276, 0.20139, 0.47135, 0.55208],
            "first_seen": "2026-11-23T18:00:00.123Z",
            "last_seen": "2026-11-23T18:00:11.900Z",
            "duration": 11.8,
            "stationary": False,
            "stale": False,
            "zones": [{"zone": "porch", "seconds": 6.2}],
            "lines": [{"line": "door", "direction": "in"}],
            "path": [[0.0, 0.44, 0.55], [11.8, 0.45, 0.56]],
            "frame": {"width": 768, "height": 576},
            "snapshot": {"topic": "snapshot/3c9e-1042", "sha256": "ab" * 32},
            "model": "person",
            "model_rev": "77ab01ce",
            "clock": "synced",
            "end_reason": "left",
        },
    }


@pytest.mark.parametrize(
    ("kind", "data", "own"),
    [
        ("track.started", WALKER, {}),
        ("track.updated", replace(WALKER, stale=True), {}),
        ("track.ended", replace(WALKER, end_reason="lost"), {"end_reason": "lost"}),
        ("zone.entered", replace(WALKER, zone="porch"), {"zone": "porch", "seconds": 0.0}),
        ("zone.left", replace(WALKER, zone="porch", seconds=6.2), {"zone": "porch", "seconds": 6.2}),
        ("line.crossed", replace(WALKER, line="door", direction="out"), {"line": "door", "direction": "out"}),
    ],
)
def test_each_kind_says_its_own_and_no_more(kind: str, data: TrackData, own: dict[str, Any]) -> None:
    body = told(happened(kind, data))
    assert body["type"] == f"vedette.{kind}"
    assert {key: body["data"].pop(key) for key in own} == own
    VALID_TRACK.validate(body["data"])
    assert body["data"]["snapshot"] is None


@pytest.mark.parametrize(
    ("event", "source", "data"),
    [
        (
            events.camera_status_event("gate", "stalled", "no frame for 5 s", AT, synced=True),
            "vedette/gate-pi/gate",
            {"status": "stalled", "error": "no frame for 5 s", "clock": "synced"},
        ),
        (
            events.alert_event(
                "engine_failed", "cpu", "error", "it died", "look", AT - 5, AT, raised=True, synced=False
            ),
            "vedette/gate-pi",
            {
                "code": "engine_failed",
                "subject": "cpu",
                "severity": "error",
                "text": "it died",
                "hint": "look",
                "since": "2026-11-23T17:59:55.123Z",
                "clock": "unsynced",
            },
        ),
        (
            events.agent_started_event("1.0", "9f1c", None, (), AT, synced=True),
            "vedette/gate-pi",
            {"version": "1.0", "boot_id": "9f1c", "last_exit": None, "last_lines": [], "clock": "synced"},
        ),
        (
            events.gap_event(3, 9, 7, "overflow", "9f", AT, synced=True),
            "vedette/gate-pi",
            {"from": 3, "to": 9, "count": 7, "cause": "overflow", "epoch": "9f", "clock": "synced"},
        ),
    ],
    ids=["camera", "alert", "started", "gap"],
)
def test_events_of_the_device_and_its_cameras(event: Event, source: str, data: dict[str, Any]) -> None:
    body = told(event)
    assert body["source"] == source
    assert body["data"] == data


def test_raised_and_cleared_are_two_types() -> None:
    alert = [
        events.alert_event("a", "device", "info", "t", "h", AT, AT, raised=raised, synced=True).type
        for raised in (True, False)
    ]
    assert alert == ["vedette.alert.raised", "vedette.alert.cleared"]


FLOATS = st.one_of(st.floats(), st.floats(0, 1))
NAMES = st.text(min_size=1, max_size=20)
DATA = st.builds(
    TrackData,
    uid=st.integers(1).map(lambda n: track_uid("3c9e", n)),
    track_id=st.integers(1),
    label=NAMES,
    class_id=st.integers(0, 1000),
    confidence=FLOATS,
    best_confidence=FLOATS,
    box=st.tuples(FLOATS, FLOATS, FLOATS, FLOATS),
    first_seen=st.floats(0, 4e9),
    last_seen=st.floats(0, 4e9),
    duration=FLOATS,
    stationary=st.booleans(),
    stale=st.booleans(),
    zones=st.lists(st.tuples(NAMES, FLOATS), max_size=3),
    lines=st.lists(st.tuples(NAMES, st.sampled_from(["in", "out"])), max_size=3),
    path=st.lists(st.tuples(FLOATS, FLOATS, FLOATS), max_size=4),
    frame=st.tuples(st.integers(1, 10_000), st.integers(1, 10_000)),
    model=NAMES,
    model_rev=st.just("77ab01ce"),
)


@settings(deadline=None)
@given(DATA)
def test_whatever_a_track_is_called_and_whatever_is_not_finite_the_event_is_valid(data: TrackData) -> None:
    event = happened("track.updated", data)
    body = told(event)
    VALID_TRACK.validate(body["data"])
    late = json.loads(as_historical(event_message(event, NUMBERED, "gate-pi")))
    assert late == {**body, "historical": True}


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.one_of(st.none(), st.booleans(), st.text(), st.floats(), st.integers())))
def test_any_data_makes_valid_json(data: dict[str, Any]) -> None:
    assert "clock" in told(Event("vedette.test", AT, synced=True, data=data))["data"]


def test_counts_are_the_interface_s() -> None:
    assert json.loads(counts.count(2, stale=False, at=AT)) == {
        "count": 2,
        "stale": False,
        "at": "2026-11-23T18:00:00.123Z",
    }
    assert json.loads(counts.occupancy(occupied=True, stale=True, since=AT)) == {
        "occupied": True,
        "stale": True,
        "since": "2026-11-23T18:00:00.123Z",
    }
    assert json.loads(counts.line_count(3, 1, since=AT, at=AT + 1)) == {
        "in": 3,
        "out": 1,
        "since": "2026-11-23T18:00:00.123Z",
        "at": "2026-11-23T18:00:01.123Z",
    }
