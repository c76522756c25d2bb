"""What the code makes is what `asyncapi.yaml` describes, whatever it is given."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.publish import counts, detections, events, payloads
from agent.publish.commands.call import Caller, Outcome, reply
from agent.publish.counters import Counters
from agent.publish.message import Message
from agent.publish.topics import Topics
from tests.support.contract import reply_violation, violation

TOPICS = Topics("", "gate")
AT = 1.7e9
RETAINED = {"qos": 1, "retain": True}
IDS = st.from_regex(r"[a-z0-9_-]{1,32}", fullmatch=True)
TIMES = st.floats(0, 4e9)
NUMBERS = st.floats()
AMOUNTS = st.floats(0) | st.just(float("nan"))
SHARES = st.floats(0, 1) | st.just(float("nan"))
COUNTS = st.integers(0, 2**40)
TEXTS = st.text(max_size=40)
CAUSES = st.dictionaries(TEXTS, COUNTS, max_size=2)
REVS = st.from_regex(r"[0-9a-f]{8}", fullmatch=True)
STATES = st.sampled_from(payloads.EngineState.__args__)
STATUSES = st.sampled_from(payloads.CameraStatus.__args__)
SEVERITIES = st.sampled_from(payloads.Severity.__args__)
MODELS = st.builds(payloads.ModelInfo, TEXTS, REVS, st.lists(TEXTS, max_size=2), st.none() | TEXTS)
FRAMES = st.builds(detections.FrameStamp, COUNTS, COUNTS, COUNTS, TIMES, st.floats(-1e9, 1e9))


def said(topic: str, payload: bytes, *, qos: int = 0, retain: bool = False, expiry: int | None = None) -> str | None:
    return violation(Message(topic, payload, qos, retain, expiry, 0.0))


def evented(event: events.Event, seq: int = 1, snapshot: events.Snapshot | None = None) -> None:
    message = events.event_message(event, events.Numbered("3c9e", seq), "gate", snapshot)
    assert said(TOPICS.events, message, qos=1, expiry=604_800) is None
    assert said(TOPICS.events, events.as_historical(message), qos=1) is None


@given(
    st.builds(
        payloads.Info,
        device=IDS,
        device_uid=st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
        name=TEXTS,
        version=TEXTS,
        api=COUNTS,
        boot_id=TEXTS,
        board=st.none() | TEXTS,
        os=st.none() | TEXTS,
        engines=st.lists(TEXTS, max_size=2),
        models=st.lists(MODELS, max_size=2),
        cameras=st.lists(IDS, max_size=2),
        commands=st.lists(TEXTS, max_size=2),
        log_level=st.sampled_from(["debug", "info", "warning", "error"]),
        last_exit=st.none() | TEXTS,
    )
)
def test_info(value: payloads.Info) -> None:
    payload = payloads.info(value)
    assert said(TOPICS.info, payload, **RETAINED) is None
    assert reply_violation("info", reply(Outcome("ok", json.loads(payload)), Caller(), 1.0)) is None


CAMERAS = st.builds(
    payloads.CameraHealth,
    status=STATUSES,
    frame_age=st.none() | AMOUNTS,
    inference_age=st.none() | AMOUNTS,
    fps_in=st.floats(0, 1e6),
    fps_inferred=st.floats(0, 1e6),
    drops=CAUSES,
)
ENGINES = st.builds(
    payloads.EngineHealth,
    state=STATES,
    p50_ms=st.none() | NUMBERS,
    p99_ms=st.none() | NUMBERS,
    restarts=COUNTS,
    telemetry=st.dictionaries(TEXTS, st.floats(-1e9, 1e9), max_size=2),
)
COUNTERS = st.builds(
    Counters,
    sent=COUNTS,
    retained=COUNTS,
    events=COUNTS,
    snapshots=COUNTS,
    connects=COUNTS,
    dropped=CAUSES,
    missed=CAUSES,
    rejected=CAUSES,
)


@given(
    st.builds(
        payloads.Health,
        device=IDS,
        boot_id=TEXTS,
        at=TIMES,
        synced=st.booleans(),
        uptime=st.floats(0, 1e9),
        cameras=st.dictionaries(IDS, CAMERAS, max_size=2),
        engines=st.dictionaries(TEXTS, ENGINES, max_size=2),
        mqtt=COUNTERS,
        rss=COUNTS,
        load=st.lists(st.floats(0, 1e6), max_size=3),
        temperature=st.none() | NUMBERS,
        throttled=st.none() | st.booleans(),
        outbox=st.none() | st.builds(payloads.OutboxHealth, depth=COUNTS, age=st.none() | NUMBERS, bytes=COUNTS),
        alerts=st.lists(
            st.fixed_dictionaries({"code": TEXTS, "subject": TEXTS, "severity": SEVERITIES, "text": TEXTS}), max_size=2
        ),
    )
)
def test_health(value: payloads.Health) -> None:
    assert said(TOPICS.health, payloads.health(value), expiry=30) is None


@given(
    st.builds(
        payloads.CameraState,
        enabled=st.booleans(),
        source=TEXTS,
        width=st.none() | COUNTS,
        height=st.none() | COUNTS,
        fps=st.none() | NUMBERS,
        model=TEXTS,
        engine=st.none() | TEXTS,
        motion=st.booleans(),
        confidence=st.floats(0, 1),
        since=TIMES,
        engine_state=st.none() | STATES,
    ),
    STATUSES,
)
def test_cameras(value: payloads.CameraState, status: payloads.CameraStatus) -> None:
    assert said(TOPICS.camera_state("yard"), payloads.camera_state(value), **RETAINED) is None
    assert said(TOPICS.camera_status("yard"), payloads.camera_status(status), **RETAINED) is None
    evented(events.camera_status_event("yard", status, None, AT, synced=True))


@given(STATES, TEXTS, st.none() | TEXTS, SEVERITIES, TIMES)
def test_engines_and_alerts(
    state: payloads.EngineState, text: str, cause: str | None, severity: payloads.Severity, at: float
) -> None:
    engine = payloads.engine_status(state, text, text, cause, cause, at)
    assert said(TOPICS.engine_status("openvino-person"), engine, **RETAINED) is None
    alert = payloads.alert(severity, at, text, text)
    assert said(TOPICS.alert("disk-full", "device"), alert, **RETAINED) is None
    evented(events.alert_event("x", "device", severity, text, text, at, at, raised=False, synced=False))


PROBLEMS = st.fixed_dictionaries({"file": TEXTS, "line": COUNTS, "column": COUNTS, "key": TEXTS, "message": TEXTS})


@given(
    st.builds(
        payloads.ConfigStatus,
        state=st.sampled_from(payloads.ConfigState.__args__),
        running_hash=TEXTS,
        file=TEXTS,
        file_hash=st.none() | TEXTS,
        errors=st.lists(PROBLEMS, max_size=2),
        overrides=st.just(()),
        at=TIMES,
    )
)
def test_config_status(value: payloads.ConfigStatus) -> None:
    assert said(TOPICS.config_status, payloads.config_status(value), **RETAINED) is None


@given(FRAMES, st.lists(st.tuples(*[st.floats(0, 1, width=32)] * 5), max_size=3), TEXTS, st.booleans())
def test_detections(frame: detections.FrameStamp, found: list[tuple[float, ...]], text: str, synced: bool) -> None:
    origin = detections.Origin("gate", "yard", text)
    rows = np.asarray(found, np.float32).reshape(-1, 5)
    model = detections.ModelStamp(text, "77ab01ce", text, (text,))
    latency = detections.Latency(3.1, 6.2, 11.8)
    classes, tracks = np.arange(len(rows)), [None if n % 2 else n for n in range(len(rows))]
    message = detections.detections_message(
        origin, 1, frame, synced, model, latency, rows[:, :4], rows[:, 4], classes, tracks
    )
    topic = TOPICS.detections("yard")
    assert said(topic, message, expiry=5) is None
    assert said(topic, detections.unknown_message(origin, 2, frame, synced, text), expiry=5) is None


@given(COUNTS, st.booleans(), TIMES)
def test_counts(number: int, stale: bool, at: float) -> None:
    for zone in ("", "porch"):
        told = counts.count(number, stale=stale, at=at)
        assert said(TOPICS.count("yard", "all", zone), told, **RETAINED) is None
        told = counts.occupancy(occupied=stale, stale=stale, since=at)
        assert said(TOPICS.occupancy("yard", "all", zone), told, **RETAINED) is None
    told = counts.line_count(number, 0, since=at, at=at)
    assert said(TOPICS.line_count("yard", "door", "all"), told, **RETAINED) is None


DIRECTIONS = st.sampled_from(["in", "out"])
TRACKS = st.builds(
    events.TrackData,
    uid=TEXTS,
    track_id=COUNTS,
    label=TEXTS,
    class_id=COUNTS,
    confidence=SHARES,
    best_confidence=SHARES,
    box=st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    first_seen=TIMES,
    last_seen=TIMES,
    duration=NUMBERS,
    stationary=st.booleans(),
    stale=st.booleans(),
    zones=st.lists(st.tuples(IDS, AMOUNTS), max_size=2),
    lines=st.lists(st.tuples(IDS, DIRECTIONS), max_size=2),
    path=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS), max_size=2),
    frame=st.tuples(COUNTS, COUNTS),
    model=TEXTS,
    model_rev=REVS,
)
SNAPSHOTS = st.none() | st.builds(events.Snapshot, TEXTS, st.just("0" * 64))


@settings(max_examples=40)
@given(TRACKS, SNAPSHOTS, TIMES, st.booleans(), DIRECTIONS)
def test_events_of_tracks(
    track: events.TrackData, snapshot: events.Snapshot | None, at: float, synced: bool, direction: str
) -> None:
    told = {
        "track.started": track,
        "track.updated": track,
        "track.ended": replace(track, end_reason="left"),
        "zone.entered": replace(track, zone="porch"),
        "zone.left": replace(track, zone="porch", seconds=6.2),
        "line.crossed": replace(track, line="door", direction=direction),
    }
    for kind, data in told.items():
        evented(events.Event(f"vedette.{kind}", at, synced, data, "yard"), 7, snapshot)


def test_events_of_the_device() -> None:
    evented(events.agent_started_event("0.1", "9f1c", "oom", ("a line",), AT, synced=True))
    evented(events.gap_event(1, 2, 2, "overflow", "3c9e", AT, synced=True))
    evented(events.command_event("ping", "ok", None, {}, None, 0, AT, synced=True))
    evented(events.command_event("x", "rejected", ("unknown_command", "no"), {}, "a/reply/b", 3, AT, synced=False))
