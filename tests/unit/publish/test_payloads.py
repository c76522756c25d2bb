from __future__ import annotations

import dataclasses
import json
import re
from datetime import datetime, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from agent.publish import detections
from agent.publish import payloads as p
from agent.publish.clock import clock_synced, isotime, kernel_synced
from agent.publish.counters import Counters

ORIGIN = detections.Origin("gate-pi", "gate", "9f1c")
FRAME = detections.FrameStamp(
    4711, 768, 576, datetime(2026, 11, 23, 18, 0, 0, 123000, timezone.utc).timestamp(), 157.033
)
MODEL = detections.ModelStamp("person", "77ab01ce", "openvino", ("person",))
LATENCY = detections.Latency(3.1, 6.2, 11.8)
BOX = np.array([[0.41276, 0.20139, 0.47135, 0.55208]], np.float32)

# Section 3 of the interface, to the letter.
EXAMPLE = json.loads("""
{"schema": 1, "device": "gate-pi", "camera": "gate", "boot_id": "9f1c", "seq": 812,
 "frame": {"index": 4711, "width": 768, "height": 576, "captured_at": "2026-11-23T18:00:00.123Z",
           "media_time": 157.033}, "clock": "synced",
 "inferred": true, "model": "person", "model_rev": "77ab01ce", "backend": "openvino",
 "latency_ms": {"queue": 3.1, "inference": 6.2, "total": 11.8},
 "detections": [{"label": "person", "class_id": 0, "confidence": 0.91,
                 "box": [0.41276, 0.20139, 0.47135, 0.55208], "track_id": 7}]}
""")


def message(xyxy: np.ndarray, confidence: np.ndarray, class_id: np.ndarray, **more: object) -> dict:
    args = {"origin": ORIGIN, "seq": 812, "frame": FRAME, "synced": True, "model": MODEL, "latency": LATENCY, **more}
    return json.loads(detections.detections_message(**args, xyxy=xyxy, confidence=confidence, class_id=class_id))


def strict(text: bytes) -> object:
    def refuse(word: str) -> object:
        raise AssertionError(word)

    return json.loads(text, parse_constant=refuse)


def test_a_detections_message_is_the_interface_s_example() -> None:
    got = message(BOX, np.array([0.91], np.float32), np.array([0], np.int32), track_ids=[7])
    assert got == EXAMPLE
    assert list(got) == list(EXAMPLE)


def test_untracked_objects_and_strange_labels() -> None:
    model = dataclasses.replace(MODEL, labels=('a "quoted" one', "人"))
    got = message(np.repeat(BOX, 3, 0), np.full(3, 0.5, np.float32), np.array([0, 1, 9], np.int32), model=model)
    assert [(d["label"], d["class_id"], d["track_id"]) for d in got["detections"]] == [
        ('a "quoted" one', 0, None),
        ("人", 1, None),
        ("class_9", 9, None),
    ]


def test_nobody_there_is_an_empty_list_and_unknown_has_none() -> None:
    empty = message(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))
    assert empty["detections"] == []
    unknown = strict(detections.unknown_message(ORIGIN, 813, FRAME, synced=False, reason="gated"))
    expected = {key: EXAMPLE[key] for key in ("schema", "device", "camera", "boot_id", "frame")}
    assert unknown == {**expected, "seq": 813, "clock": "unsynced", "inferred": False, "reason": "gated"}


def test_half_of_a_surrogate_pair_ends_nobody() -> None:
    """A file name that is no UTF-8 brings one, and so do a model's labels and the words of an engine, by their JSON."""
    model = dataclasses.replace(MODEL, labels=("a\udcff",))
    got = message(BOX, np.array([0.91], np.float32), np.array([0], np.int32), model=model)
    assert got["detections"][0]["label"] == "a?"
    unknown = strict(detections.unknown_message(ORIGIN, 813, FRAME, synced=True, reason="no \ud800"))
    assert unknown["reason"] == "no ?"
    status = p.config_status(p.ConfigStatus("ok", "", "/etc/\udcff/vedette.yaml", None, (), (), 0.0))
    assert strict(status)["file"] == "/etc/?/vedette.yaml"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_unknown_not_broken_json(bad: float) -> None:
    for xyxy, confidence in ((np.full((1, 4), bad), np.ones(1)), (BOX, np.array([bad]))):
        got = message(xyxy.astype(np.float32), confidence.astype(np.float32), np.array([0], np.int32))
        assert (got["inferred"], "detections" in got) == (False, False)
        assert "openvino" in got["reason"]


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(0, 20), st.just(4)), elements=st.floats(0, 1, width=32)),
    st.floats(0, 1, width=32),
)
def test_boxes_arrive_within_half_of_the_fifth_decimal(xyxy: np.ndarray, confidence: float) -> None:
    n = len(xyxy)
    got = message(xyxy, np.full(n, confidence, np.float32), np.zeros(n, np.int32))
    boxes = np.array([d["box"] for d in got["detections"]]).reshape(n, 4)
    assert np.abs(boxes - xyxy).max(initial=0) <= 0.5e-5 + 1e-9
    assert all(abs(d["confidence"] - confidence) <= 0.5e-3 for d in got["detections"])


@given(st.integers(0, 4_102_444_800_000))
def test_isotime_keeps_the_millisecond(milliseconds: int) -> None:
    text = isotime(milliseconds / 1000)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    seconds = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    assert round(seconds.timestamp() * 1000) == milliseconds


def test_isotime_rounds_up_into_the_next_second() -> None:
    assert isotime(59.9996) == "1970-01-01T00:01:00.000Z"


def test_the_clock_says_the_same_twice() -> None:
    assert clock_synced() == clock_synced() == kernel_synced()


INFO = p.Info(
    "gate-pi", "u1", "Gate", "0.1.0", 1, "9f1c", None, "Debian", ["person"],
    [p.ModelInfo("person", "77ab01ce", ("person",), "MIT")], ["gate"], [], "info", None,
)  # fmt: skip
CAMERA = p.CameraHealth("online", 0.1234567, None, 25.0, 5.0, {"overtaken": 3})
ENGINE = p.EngineHealth("serving", 6.2, float("nan"), 0)
HEALTH = p.Health(
    "gate-pi", "9f1c", 0.0, True, 12.0, {"gate": CAMERA}, {"person": ENGINE}, Counters(), 90_000_000, (0.5, 0.4, 0.3),
    None, None,
)  # fmt: skip


def test_info_names_every_field_of_the_interface() -> None:
    got = strict(p.info(INFO))
    assert isinstance(got, dict)
    assert got.keys() >= {
        "device", "device_uid", "name", "version", "api", "boot_id", "board", "os", "engines", "models", "cameras",
        "commands", "log_level", "last_exit",
    }  # fmt: skip
    assert got["models"] == [{"name": "person", "rev": "77ab01ce", "labels": ["person"], "licence": "MIT"}]
    assert got["board"] is None


def test_health_is_strict_json_whatever_was_measured() -> None:
    got = strict(p.health(HEALTH))
    assert isinstance(got, dict)
    assert (got["at"], got["clock"]) == ("1970-01-01T00:00:00.000Z", "synced")
    assert got["engines"]["person"] == {
        "state": "serving", "p50_ms": 6.2, "p99_ms": None, "restarts": 0, "telemetry": {}
    }  # fmt: skip
    assert got["cameras"]["gate"]["frame_age"] == 0.123
    assert got["mqtt"]["dropped"] == {}


def test_the_small_payloads() -> None:
    assert p.camera_status("stalled") == b"stalled"
    assert (p.ONLINE, p.OFFLINE, p.CLEAR) == (b"online", b"offline", b"")
    state = p.CameraState(True, "rtsp://10.0.0.7/s", None, None, None, "person", None, False, 0.5, 0.0)
    assert strict(p.camera_state(state)) == {
        "enabled": True, "source": "rtsp://10.0.0.7/s", "width": None, "height": None, "fps": None, "model": "person",
        "engine": None, "motion": False, "confidence": 0.5, "since": "1970-01-01T00:00:00.000Z",
        "engine_state": None,
    }  # fmt: skip
    assert strict(p.engine_status("degraded", "openvino", "cpu", "no TPU", None, 0.0)) == {
        "state": "degraded", "backend": "openvino", "device": "cpu", "cause": "no TPU", "fallback": None,
        "since": "1970-01-01T00:00:00.000Z",
    }  # fmt: skip
    assert strict(p.alert("warning", 0.0, "it is hot", "cool it")) == {
        "severity": "warning", "since": "1970-01-01T00:00:00.000Z", "text": "it is hot", "hint": "cool it",
    }  # fmt: skip
