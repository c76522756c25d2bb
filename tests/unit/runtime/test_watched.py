"""What `vedette watch` makes of messages: of ours, of strangers' and of junk."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.publish import counts, payloads
from agent.publish.events import Numbered, camera_status_event, event_message
from agent.tools.watch.messages import hear
from agent.tools.watch.state import FORGOTTEN_LOOKS, MOST, MOST_EVENTS, Watched
from agent.tools.watch.table import fitted, screen, table

ROOT = "vedette/1/gate-pi"


def event(kind: str, **data: Any) -> bytes:
    track = {"track_id": 7, "label": "person", "confidence": 0.9, "duration": 3.0, "zones": [], "stationary": False}
    body = {
        "type": f"vedette.{kind}",
        "source": "vedette/gate-pi/gate",
        "time": "2026-11-24T03:00:00.000Z",
        "historical": False,
        "data": {**track, **data},
    }
    return json.dumps(body).encode()


def seen(*tracks: tuple[int, str]) -> bytes:
    found = [{"track_id": number, "label": label, "confidence": 0.7} for number, label in tracks]
    return json.dumps({"inferred": True, "detections": found}).encode()


GATED = b'{"inferred": false, "reason": "gated"}'


def tell(watched: Watched, topic: str, value: object, now: float = 10.0) -> str | None:
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    return hear(watched, f"{ROOT}/{topic}", payload, now)


def heard(*messages: tuple[str, object]) -> Watched:
    watched = Watched()
    for topic, value in messages:
        tell(watched, topic, value)
    return watched


def shown(watched: Watched, now: float = 10.0) -> str:
    return "\n".join(screen(watched, now, 120, 60))


def test_a_device_as_a_table() -> None:
    watched = heard(
        ("status", b"online"),
        ("info", {"version": "0.1.0"}),
        ("engine/openvino-person/status", payloads.engine_status("serving", "openvino", "CPU", None, None, 0.0)),
        ("engine/edgetpu-person/status", payloads.engine_status("failed", "edgetpu", "", "no chip", None, 0.0)),
        ("alert/engine-failed/edgetpu-person", payloads.alert("error", 0.0, "no answer", "plug it in")),
        ("cam/gate/status", b"online"),
        ("cam/gate/state", {"model": "person", "engine": "openvino-person"}),
        ("health", {"cameras": {"gate": {"fps_in": 25.04, "fps_inferred": 4.9}}}),
        ("cam/gate/count/person", counts.count(2, stale=True, at=0.0)),
        ("cam/gate/count/all", counts.count(2, stale=False, at=0.0)),
        ("cam/gate/zone/porch/count/person", counts.count(1, stale=False, at=0.0)),
        ("cam/gate/zone/porch/occupancy/person", counts.occupancy(occupied=True, stale=False, since=0.0)),
        ("cam/gate/zone/porch/occupancy/dog", counts.occupancy(occupied=False, stale=True, since=0.0)),
        ("cam/gate/line/door/count/person", counts.line_count(3, 1, since=0.0, at=0.0)),
        ("cam/gate/line/door/count/all", counts.line_count(4, 1, since=0.0, at=0.0)),
        ("events", event("track.started", zones=[{"zone": "porch", "seconds": 1.0}], stationary=True)),
    )
    assert shown(watched, 71.0).splitlines() == [
        "gate-pi  online  vedette 0.1.0",
        "  engine edgetpu-person  failed  no chip",
        "  engine openvino-person  serving",
        "  ALERT engine-failed/edgetpu-person  no answer",
        "  gate  online  25.0 fps in, 4.9 inferred  person on openvino-person",
        "    whole picture: all 2, person 2 (stale)",
        "    porch: dog (stale), person 1 occupied",
        "    line door: all in 4 out 1, person in 3 out 1",
        "      #7  person  0.90  1 min 4 s  porch  stationary",
        "",
        "gate-pi 03:00:00 gate track.started person #7",
    ]


def test_what_an_offline_device_said_is_the_last_that_was_known() -> None:
    watched = heard(("status", b"online"), ("cam/gate/count/person", counts.count(2, stale=False, at=0.0)))
    tell(watched, "events", event("track.updated", stale=True))
    assert "#7" in shown(watched)
    tell(watched, "status", b"offline")
    watched.forget_gone(10.0)
    assert "offline  what follows is the last known state" in shown(watched)
    assert "person 2" in shown(watched)
    assert "#7" not in shown(watched)


def test_a_track_goes_with_the_event_of_its_end() -> None:
    watched = heard(("events", event("track.started")))
    assert "      #7" in shown(watched)
    tell(watched, "events", event("track.ended", end_reason="left"))
    assert "      #7" not in shown(watched)
    assert "track.ended person #7 left" in shown(watched)


def test_a_track_without_events_goes_once_others_are_seen() -> None:
    watched = heard(("cam/gate/detections", seen((8, "dog"))))
    assert "#8  dog" in shown(watched)
    for i in range(FORGOTTEN_LOOKS):
        watched.forget_gone(10.0 + i)
        assert "#8  dog" in shown(watched)
        tell(watched, "cam/gate/detections", seen((9, "cat")), 11.0 + i)
    watched.forget_gone(21.0)
    assert "#8" not in shown(watched)
    assert "#9  cat" in shown(watched)


def test_a_track_stays_while_nobody_looks() -> None:
    watched = heard(("events", event("track.started")))
    for i in range(100):
        tell(watched, "cam/gate/detections", GATED, 11.0 + i)
    watched.forget_gone(120.0)
    assert "#7  person  0.90  1 min 53 s" in shown(watched, 120.0)
    assert "not inferred: gated" in shown(watched)


def test_zones_are_those_a_track_is_in() -> None:
    def at(duration: float, **seconds: float) -> dict[str, Any]:
        return {"duration": duration, "zones": [{"zone": z, "seconds": s} for z, s in seconds.items()]}

    watched = heard(("events", event("zone.entered", zone="porch", **at(1.0, porch=0.0))))
    assert "porch" in shown(watched).splitlines()[2]
    tell(watched, "events", event("zone.left", zone="porch", seconds=2.0, **at(3.0, porch=2.0)))
    assert "porch" not in shown(watched).splitlines()[2]
    tell(watched, "events", event("track.updated", **at(4.0, porch=2.0, lawn=1.0)))
    assert shown(watched).splitlines()[2].endswith("  lawn")
    tell(watched, "events", event("track.updated", stationary=True, **at(4.0, porch=2.0, lawn=1.0)))
    assert shown(watched).splitlines()[2].endswith("  lawn  stationary")
    tell(watched, "events", event("track.updated", **at(6.0, porch=2.0, lawn=1.0)))
    assert "lawn" not in shown(watched).splitlines()[2]


def test_who_is_seen_again_is_not_stale() -> None:
    watched = heard(("events", event("track.updated", stale=True)))
    assert "stale" in shown(watched)
    tell(watched, "cam/gate/detections", seen((7, "person")))
    assert "stale" not in shown(watched)


def test_what_happened_long_ago_makes_no_track() -> None:
    watched = Watched()
    late = event("track.started").replace(b'"historical": false', b'"historical": true')
    assert tell(watched, "events", late) == "gate-pi 03:00:00 gate track.started person #7"
    assert watched.devices["gate-pi"].camera("gate").tracks == {}


def test_who_has_just_left_is_not_there_with_nobody() -> None:
    count, there = "cam/gate/count/person", "cam/gate/occupancy/person"
    occupied = counts.occupancy(occupied=True, stale=False, since=0.0)
    watched = heard((count, counts.count(0, stale=False, at=0.0)), (there, occupied))
    assert "whole picture: person 0 not vacant yet" in shown(watched)


def test_an_empty_payload_clears() -> None:
    retained = {
        "alert/a/b": payloads.alert("error", 0.0, "bad", ""),
        "cam/gate/count/cat": counts.count(1, stale=False, at=0.0),
        "cam/gate/occupancy/cat": counts.occupancy(occupied=True, stale=False, since=0.0),
        "cam/gate/line/l/count/cat": counts.line_count(1, 1, since=0.0, at=0.0),
        "engine/e/status": payloads.engine_status("failed", "e", "", "gone", None, 0.0),
    }
    watched = heard(*retained.items())
    for words in ("ALERT", "cat 1 occupied", "line l", "engine e"):
        assert words in shown(watched)
    for topic in retained:
        tell(watched, topic, b"")
    assert shown(watched).splitlines()[1:] == ["  gate  unknown"]


@pytest.mark.parametrize(
    ("topic", "value", "news"),
    [
        ("status", b"offline", "offline"),
        ("cam/gate/status", b"stalled", "gate stalled"),
        ("cam/gate/count/person", counts.count(1, stale=True, at=0.0), "gate count person: 1 (stale)"),
        ("cam/gate/count/all", counts.count(1, stale=True, at=0.0), None),
        ("cam/gate/zone/porch/count/person", counts.count(1, stale=False, at=0.0), "gate porch count person: 1"),
        (
            "cam/gate/zone/porch/occupancy/person",
            counts.occupancy(occupied=False, stale=False, since=0.0),
            "gate porch occupancy person: vacant",
        ),
        ("cam/gate/line/d/count/dog", counts.line_count(1, 2, since=0.0, at=0.0), "gate line d dog: in 1 out 2"),
        ("alert/a/gate", payloads.alert("error", 0.0, "bad", ""), "alert a/gate: bad"),
        ("engine/e/status", payloads.engine_status("failed", "e", "", "why", None, 0.0), "e failed: why"),
        ("cam/gate/state", {"model": "person"}, None),
        ("cam/gate/detections", GATED, None),
    ],
)
def test_what_has_changed_is_one_line_and_what_has_not_is_none(topic: str, value: object, news: str | None) -> None:
    watched = Watched()
    assert tell(watched, topic, value) == (None if news is None else f"gate-pi {news}")
    assert tell(watched, topic, value) is None


def test_the_last_events_are_kept() -> None:
    watched = Watched()
    for _ in range(3 * MOST_EVENTS):
        tell(watched, "events", event("line.crossed", line="door", direction="in"))
    assert len(watched.events) == MOST_EVENTS
    assert watched.events[-1].endswith("line.crossed person #7 door in")
    status = event_message(camera_status_event("gate", "stalled", None, 0.0, synced=True), Numbered("ab", 1), "gate-pi")
    assert tell(watched, "events", status) == "gate-pi 00:00:00 gate camera.status stalled"


def test_a_prefix_may_stand_before() -> None:
    watched = Watched()
    assert hear(watched, f"site/a/{ROOT}/status", b"online", 1.0) == "gate-pi online"


def test_a_terminal_is_never_overfull_nor_given_orders() -> None:
    rows = fitted(["a" * 200, "\x1b[2Jgone\x07", "人" * 30, *["b"] * 50], 40, 10)
    assert len(rows) == 10
    assert rows[0] == "a" * 39 + "…"
    assert rows[1] == "?[2Jgone?"
    assert rows[2] == "人" * 19 + "…"
    assert rows[-1] == "... 44 more lines"


def test_what_is_just_as_wide_as_the_terminal_is_whole() -> None:
    assert fitted(["a" * 40, "ä" * 40, "人" * 20, "b" * 41], 40, 4) == ["a" * 40, "ä" * 40, "人" * 20, "b" * 39 + "…"]


def test_of_many_tracks_the_last_are_shown() -> None:
    watched = heard(("cam/gate/detections", seen(*((i, "ant") for i in range(8)))))
    assert [row.split()[0] for row in shown(watched).splitlines()[2:]] == [f"#{i}" for i in range(8)]
    tell(watched, "cam/gate/detections", seen((8, "ant"), (9, "ant")))
    assert shown(watched).splitlines()[2].startswith("      #2  ant")
    assert shown(watched).splitlines()[-1] == "      and 2 more tracks"


def test_a_long_alert_is_read_to_its_end() -> None:
    cause = "the camera refuses the login (401 Unauthorized) (check username and password)"
    text = f"the edited config is not used: etc/vedette/vedette.yaml:8:13: cameras.gate.source: cannot be read: {cause}"
    watched = heard(("status", b"online"), ("alert/config-rejected/device", payloads.alert("error", 0.0, text, "")))
    rows = screen(watched, 1.0, 80, 24)
    assert max(map(len, rows)) <= 80
    assert " ".join(" ".join(rows).split()).endswith(cause)
    tell(watched, "alert/config-rejected/device", payloads.alert("error", 0.0, "a word " * 1000, ""))
    assert len(screen(watched, 1.0, 80, 24)) < 10


@pytest.mark.parametrize("height", range(1, 30))
def test_the_last_events_have_room(height: int) -> None:
    watched = heard(("status", b"online"), *((f"cam/c{i}/status", b"online") for i in range(20)))
    for i in range(5):
        watched.events.append(f"event {i}")
    rows = screen(watched, 1.0, 80, height, "the broker is away")
    assert len(rows) <= height
    if height > 4:
        assert rows[0] == "the broker is away"
        assert rows[-3:] == ["event 2", "event 3", "event 4"]


def test_what_strangers_send_is_bounded() -> None:
    watched = Watched()
    for i in range(MOST + 10):
        hear(watched, f"vedette/1/d{i}/status", b"online", 1.0)
        tell(watched, f"cam/c{i}/status", b"online")
        tell(watched, f"cam/c0/count/l{i}", counts.count(1, stale=False, at=0.0))
        tell(watched, f"cam/c0/{'x' * 1000}{i}", b"{}")
        tell(watched, "cam/c0/detections", seen((i, "x" * 10_000)))
    assert len(watched.devices) == MOST
    device = watched.device("gate-pi")
    assert len(device.cameras) <= MOST
    assert len(device.camera("c0").counts) <= MOST
    assert len(device.camera("c0").tracks) <= MOST
    assert max(map(len, fitted(table(watched, 1.0), 80, 100_000))) <= 80


TOPICS = ["status", "info", "health", "events", "alert/a/b", "engine/e/status", "cam/c/status", "cam/c/state"]
TOPICS += ["cam/c/detections", "cam/c/occupancy/x"]
TOPICS += ["cam/c/count/x", "cam/c/occupancy/x", "cam/c/zone/z/count/x", "cam/c/line/l/count/x", "cam", "cam/c/zone/z"]
TOPICS += ["cam/c/line", "engine", "alert/a", "cam//count/", "cam/c/line/l/count/x/y", "\x1b[2J"]
WORDS = [json.loads(event("zone.entered", zone="z")), json.loads(seen((7, "x"))), "z", "vedette.track.ended"]
KEYS = "data type source time count stale detections inferred reason cameras c fps_in fps_inferred track_id label state"
KEYS += " confidence duration zones zone seconds stationary historical text version occupied in out cause"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()), inner),
    max_leaves=12,
)
OURS = json.loads(event("zone.entered", zone="z"))


def changed(body: dict[str, Any], where: str, value: object) -> bytes:
    """Ours, but for one value."""
    return json.dumps(
        {**body, where: value} if where in body else {**body, "data": {**body["data"], where: value}}
    ).encode()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(TOPICS),
            st.binary(max_size=30)
            | JSON.map(lambda value: json.dumps(value).encode())
            | st.builds(changed, st.just(OURS), st.sampled_from([*OURS, *OURS["data"]]), JSON),
        ),
        max_size=8,
    )
)
def test_junk_is_shown_as_what_it_is_or_not_at_all(messages: list[tuple[str, bytes]]) -> None:
    watched = Watched()
    for topic, payload in messages:
        tell(watched, topic, payload)
    watched.forget_gone(1e9)
    assert all(row.isprintable() for row in screen(watched, 10.0, 80, 24))


@pytest.mark.parametrize("payload", [b"[" * 100_000, b"1" * 5000, b'{"a":' * 50_000, b"1e999", b"\xff", b"NaN"])
@pytest.mark.parametrize("topic", TOPICS)
def test_nothing_is_too_deep_or_too_large(topic: str, payload: bytes) -> None:
    watched = Watched()
    tell(watched, topic, payload)
    assert screen(watched, 1.0, 80, 24)


@pytest.mark.parametrize("topic", ["", "x", "vedette/2/gate/status", "vedette/1/gate", "homeassistant/status"])
def test_other_topics_are_no_devices(topic: str) -> None:
    watched = Watched()
    assert hear(watched, topic, b"online", 1.0) is None
    assert watched.devices == {}
    assert table(watched, 1.0) == ["nothing has been heard of any device yet"]
