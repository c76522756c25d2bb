"""What `vedette watch` makes of messages: of ours, of strangers' and of junk."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.runtime import watch_table
from agent.runtime.watched import MOST_EVENTS, Watched

ROOT = "vedette/1/gate-pi"


def event(kind: str, seq: int = 1, **data: Any) -> bytes:
    track = {"track_id": 7, "label": "person", "confidence": 0.9, "duration": 3.0, "zones": [], "stationary": False}
    body = {
        "type": f"vedette.{kind}",
        "source": "vedette/gate-pi/gate",
        "time": "2026-11-24T03:00:00.000Z",
        "seq": seq,
        "historical": False,
        "data": {**track, **data},
    }
    return json.dumps(body).encode()


def heard(*messages: tuple[str, object], now: float = 10.0) -> Watched:
    watched = Watched()
    for topic, value in messages:
        payload = value if isinstance(value, bytes) else json.dumps(value).encode()
        watched.hear(f"{ROOT}/{topic}", payload, now)
    return watched


def shown(watched: Watched) -> str:
    return "\n".join(watch_table.fitted(watch_table.lines(watched), 100, 60))


def test_a_device_as_a_table() -> None:
    watched = heard(
        ("status", b"online"),
        ("info", {"version": "0.1.0"}),
        ("engine/openvino-person/status", {"state": "serving", "cause": None}),
        ("alert/engine-failed/edgetpu-person", {"severity": "error", "text": "no answer", "hint": ""}),
        ("cam/gate/status", b"online"),
        ("cam/gate/state", {"model": "person"}),
        ("health", {"cameras": {"gate": {"fps_in": 25.04, "fps_inferred": 4.9}}}),
        ("cam/gate/count/person", {"count": 2, "stale": True, "at": "x"}),
        ("cam/gate/zone/porch/count/person", {"count": 1, "stale": False, "at": "x"}),
        ("cam/gate/zone/porch/occupancy/person", {"occupied": True, "stale": False, "since": "x"}),
        ("cam/gate/line/door/count/person", {"in": 3, "out": 1, "since": "x", "at": "x"}),
        ("events", event("track.started", zones=[{"zone": "porch", "seconds": 1.0}], stationary=True)),
    )
    text = shown(watched)
    for words in (
        "gate-pi  online  vedette 0.1.0",
        "engine openvino-person  serving",
        "ALERT engine-failed/edgetpu-person  no answer",
        "gate  online  25.0 fps in, 4.9 inferred  person",
        "whole picture: person 2 (stale)",
        "porch: person 1  occupied",
        "line door: person in 3 out 1",
        "#7  person  0.90  3 s  porch  stationary",
        "03:00:00 gate track.started person #7",
    ):
        assert words in text


def test_tracks_come_and_go() -> None:
    watched = heard(("events", event("track.started")))
    assert "#7" in shown(watched)
    watched.hear(f"{ROOT}/events", event("track.ended", end_reason="left"), 11.0)
    assert "      #7" not in shown(watched)
    assert "track.ended person #7 left" in shown(watched)
    seen = {"inferred": True, "detections": [{"track_id": 8, "label": "dog", "confidence": 0.7}]}
    watched.hear(f"{ROOT}/cam/gate/detections", json.dumps(seen).encode(), 12.0)
    assert "#8  dog" in shown(watched)
    watched.forget_silent(30.0)
    assert "#8" not in shown(watched)


def test_an_empty_payload_clears() -> None:
    watched = heard(
        ("alert/a/b", {"text": "bad"}),
        ("cam/gate/count/cat", {"count": 1, "stale": False}),
        ("engine/e/status", {"state": "failed", "cause": "gone"}),
        ("alert/a/b", b""),
        ("cam/gate/count/cat", b""),
        ("engine/e/status", b""),
    )
    assert "ALERT" not in shown(watched)
    assert "cat" not in shown(watched)
    assert "engine" not in shown(watched)


def test_news_are_lines_and_the_last_events_are_kept() -> None:
    watched = Watched()
    assert watched.hear(f"{ROOT}/status", b"offline", 1.0) == "gate-pi offline"
    line = watched.hear(f"site/a/{ROOT}/cam/gate/count/person", b'{"count": 1, "stale": false, "at": "x"}', 1.0)
    assert line == "gate-pi gate count person: count 1"
    for seq in range(3 * MOST_EVENTS):
        watched.hear(f"{ROOT}/events", event("line.crossed", seq, line="door", direction="in"), 1.0)
    assert len(watched.events) == MOST_EVENTS
    assert watched.events[-1].endswith("line.crossed person #7 door in")


def test_a_terminal_is_never_overfull_nor_given_orders() -> None:
    rows = watch_table.fitted(["a" * 200, "\x1b[2Jgone\x07", *["b"] * 50], 40, 10)
    assert len(rows) == 10
    assert all(len(row) <= 40 for row in rows)
    assert rows[1] == "?[2Jgone?"
    assert rows[-1] == "... 43 more lines"


TOPICS = ["status", "info", "health", "events", "alert/a/b", "engine/e/status", "cam/c/status", "cam/c/state"]
TOPICS += [
    "cam/c/detections",
    "cam/c/count/x",
    "cam/c/zone/z/count/x",
    "cam/c/line/l/count/x",
    "cam/c/zone/z",
    "cam/c/line",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "type", "source", "time", "count", "detections", "inferred"]), inner)
    ),
    max_leaves=8,
)


@given(
    st.lists(st.tuples(st.sampled_from(TOPICS), st.binary(max_size=30) | JSON.map(lambda v: json.dumps(v).encode())))
)
def test_junk_is_shown_as_what_it_is_or_not_at_all(messages: list[tuple[str, bytes]]) -> None:
    watched = Watched()
    for topic, payload in messages:
        watched.hear(f"{ROOT}/{topic}", payload, 1.0)
    assert all(row.isprintable() for row in watch_table.fitted(watch_table.lines(watched), 80, 24))


@pytest.mark.parametrize("topic", ["", "x", "vedette/2/gate/status", "vedette/1/gate", "homeassistant/status"])
def test_other_topics_are_no_devices(topic: str) -> None:
    watched = Watched()
    assert watched.hear(topic, b"online", 1.0) is None
    assert watched.devices == {}
