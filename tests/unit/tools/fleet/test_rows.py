"""How a device is judged by what its broker keeps of it: what was not heard is unknown, never empty."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.publish import payloads
from agent.publish.topics import Topics
from agent.tools.fleet import state
from agent.tools.fleet.messages import hear
from agent.tools.fleet.rows import Row, row, rows
from agent.tools.fleet.state import Fleet
from agent.tools.fleet.table import document, summary, table
from tests.support.simulated import CAMERA, Simulated

HOT, CALM = Simulated(10), Simulated(11)
JUNK = (b"\xff\xfe", b"{", b"[]", b"null", b"3", b'"online"', b"{}", b"[" * 100_000, b'{"a":' * 100_000, b"online\n")


def values(device: Simulated, *without: str) -> dict[str, bytes]:
    """All that a broker keeps of it. without: the last levels of topics that are lost."""
    everything = {**device.retained(), device.topics.status: payloads.ONLINE}
    return {t: p for t, p in everything.items() if not any(t.endswith(lost) for lost in without)}


def fleet_of(*of: dict[str, bytes]) -> Fleet:
    fleet = Fleet()
    for kept in of:
        for topic, payload in kept.items():
            hear(fleet, topic, payload)
    return fleet


def only(*of: dict[str, bytes]) -> Row:
    (found,) = rows(fleet_of(*of))
    return found


def changed(payload: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(payload), **fields}).encode()


def test_all_of_a_device_is_known() -> None:
    found = only(values(HOT))
    assert (found.name, found.state, found.fps, found.outbox) == ("sim-00010", "online", 15.0, 0)
    assert found.alerts == {"thermal/device": "warning"}
    assert (found.version, found.models) == ("0.1.0", ("coco-ssd",))
    assert (found.unknown, found.notes) == ((), ())
    assert found.troubled, "it has an alert"
    assert not only(values(CALM)).troubled


@pytest.mark.parametrize(
    ("lost", "state", "unknown", "nothing_of"),
    [
        ("/1/sim-00010/status", "unknown", "status", {"fps", "alerts", "outbox"}),
        ("/info", "online", "info", {"version", "models"}),
        ("/summary", "online", "summary", {"fps", "alerts", "outbox"}),
    ],
)
def test_what_is_lost_is_unknown_and_not_none(lost: str, state: str, unknown: str, nothing_of: set[str]) -> None:
    found = only(values(HOT, lost))
    assert found.state == state
    assert found.unknown == (unknown,)
    assert {name for name in ("fps", "alerts", "outbox", "version", "models") if getattr(found, name) is None} == (
        nothing_of
    )
    assert found.troubled
    assert "1 incomplete" in "\n".join(summary([found], Fleet()))


def test_an_alert_stands_in_the_summary_and_without_that_in_its_own_topic() -> None:
    assert only(values(HOT, "/thermal/device")).alerts == {"thermal/device": "warning"}
    ended = {CALM.topics.alert("thermal", "device"): payloads.alert("warning", 0.0, "hot", "cool it")}
    assert only(values(CALM), ended).alerts == {}, "its end was lost on the way"
    found = only(values(HOT, "/summary"))
    assert found.alerts is None, "there may be others"
    assert found.heard == {"thermal/device": "warning"}


def test_a_device_of_which_only_an_alert_is_kept_is_listed() -> None:
    topic = HOT.topics.alert("thermal", "device")
    found = only({topic: values(HOT)[topic]})
    assert (found.state, found.unknown) == ("unknown", ("status", "info", "summary"))


def test_of_an_offline_device_nothing_live_is_told_and_nothing_is_missing() -> None:
    kept = {**values(HOT, "/summary"), HOT.topics.status: payloads.OFFLINE}
    found = only(kept)
    assert (found.state, found.fps, found.alerts, found.heard, found.outbox) == ("offline", None, None, {}, None)
    assert found.version == "0.1.0"
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("camera", "engine", "state"),
    [
        ("online", "serving", "online"),
        ("online", "degraded", "degraded"),
        ("online", "failed", "blind"),
        ("online", "loading", "blind"),
        ("stalled", "serving", "blind"),
        ("disabled", "serving", "online"),
        ("ended", "serving", "online"),
    ],
)
def test_the_state_is_that_of_its_cameras_and_engines(camera: Any, engine: Any, state: str) -> None:
    kept = values(CALM, "/summary")
    kept[CALM.topics.camera_status(CAMERA)] = payloads.camera_status(camera)
    told = payloads.engine_status(engine, "openvino", "cpu", None, None, 0.0)
    kept[CALM.topics.engine_status(CALM.engine)] = told
    assert only(kept).state == state
    without = values(CALM, f"{CAMERA}/status", "engine/openvino-person/status")
    two = {CAMERA: {"status": camera, "fps": 1.0}}
    without[CALM.topics.summary] = changed(without[CALM.topics.summary], cameras=two, engines={CALM.engine: engine})
    assert only(without).state == state, "the summary alone says it, too"


def test_one_camera_of_two_is_degraded() -> None:
    kept = values(CALM, "/summary")
    kept[CALM.topics.camera_status("hall")] = payloads.camera_status("offline")
    found = only(kept)
    assert found.state == "degraded"
    assert "hall offline" in "\n".join(table([found], Fleet(), 200))


def test_a_summary_of_another_run_is_not_believed() -> None:
    kept = values(CALM)
    kept[CALM.topics.summary] = changed(kept[CALM.topics.summary], boot_id="another")
    found = only(kept)
    assert found.unknown == ("summary",)
    assert found.fps is None
    assert "two devices have this name" in found.notes[0]


def test_two_devices_with_one_name_are_seen() -> None:
    kept = values(CALM)
    twin = {CALM.topics.info: changed(kept[CALM.topics.info], device_uid="f00d")}
    assert "2 devices have this name (000000000000000b, f00d)" in only(kept, twin).notes
    taken = [{"code": "mqtt-takeover", "subject": "device", "severity": "error"}]
    kept[CALM.topics.summary] = changed(kept[CALM.topics.summary], alerts=taken)
    assert "another client connects under this name" in only(kept).notes


@pytest.mark.parametrize("payload", JUNK)
@pytest.mark.parametrize("topic", ["status", "info", "summary", f"cam/{CAMERA}/status", "alert/a/b", "engine/e/status"])
def test_junk_is_unknown_and_named(topic: str, payload: bytes) -> None:
    fleet = fleet_of(values(CALM), {f"{CALM.topics.root}/{topic}": payload}, values(HOT))
    hot, calm = rows(fleet)
    assert calm.notes[-1] == f"publishes what no vedette publishes: {topic}"
    assert (topic in calm.unknown) is (topic in {"status", "info", "summary"})
    assert hot == only(values(HOT)), "nobody else is harmed"
    hear(fleet, f"{CALM.topics.root}/{topic}", values(CALM).get(f"{CALM.topics.root}/{topic}", b""))
    if topic != "status":
        assert rows(fleet)[1].notes == ()


@pytest.mark.parametrize(
    "change",
    [
        {"device": "sim-00010"},
        {"boot_id": 3},
        {"cameras": []},
        {"cameras": {"yard": {"status": "dancing", "fps": 1}}},
        {"cameras": {"yard": {"status": "online", "fps": float("nan")}}},
        {"engines": {"e": None}},
        {"alerts": [{"code": "x", "subject": "y", "severity": "loud"}]},
        {"outbox": {"depth": "many"}},
    ],
)
def test_a_summary_that_is_no_summary_is_unknown(change: dict[str, Any]) -> None:
    kept = values(CALM)
    kept[CALM.topics.summary] = changed(kept[CALM.topics.summary], **change)
    found = only(kept)
    assert found.unknown == ("summary",)
    assert found.fps is None


@given(
    topic=st.text(max_size=40) | st.just("status") | st.just("info") | st.just("summary") | st.just("cam/x/status"),
    payload=st.binary(max_size=60)
    | st.recursive(st.none() | st.text(), st.lists).map(lambda v: json.dumps(v).encode()),
)
def test_nothing_that_is_said_breaks_the_list(topic: str, payload: bytes) -> None:
    fleet = fleet_of(values(CALM), {f"vedette/1/sim-00011/{topic}": payload}, {f"a/vedette/1/{topic}": payload})
    found = rows(fleet)
    assert "sim-00011" in {each.name for each in found}
    json.dumps(document(found, fleet))
    for line in table(found, fleet, 80):
        assert line.isprintable()


def test_what_is_of_later_versions_is_passed_over() -> None:
    kept = values(CALM)
    kept[f"{CALM.topics.root}/weather"] = b"wet"
    kept[CALM.topics.summary] = changed(kept[CALM.topics.summary], weather="wet")
    assert only(kept).notes == ()
    assert rows(fleet_of({"vedette/2/gate/status": b"online", "vedette/1": b"", "x" * 600: b""})) == []


def test_a_name_that_no_device_may_have_is_said_to_be_one() -> None:
    found = only({"vedette/1/\x1b[31mGate !/status": b"online"})
    assert "no vedette has such a name" in found.notes
    assert "\x1b" not in "".join(table([found], Fleet(), 80))


def test_more_devices_than_there_is_room_for_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "MOST", 3)
    fleet = fleet_of(*({Topics("", f"d{n}").status: b"online"} for n in range(5)))
    assert len(fleet.devices) == 3
    assert fleet.beyond == 2


def test_a_device_cannot_fill_the_memory() -> None:
    fleet = Fleet()
    for n in range(500):
        hear(fleet, f"vedette/1/gate/cam/c{n}/status", b"online")
        hear(fleet, f"vedette/1/gate/alert/code/{n}", payloads.alert("error", 0.0, "x", "y"))
        hear(fleet, f"vedette/1/gate/engine/{n}/status", b"junk")
        uid = changed(values(CALM)[CALM.topics.info], device="gate", device_uid=str(n))
        hear(fleet, "vedette/1/gate/info", uid)
    device = fleet.devices["gate"]
    assert {len(device.cameras), len(device.alerts), len(device.junk), len(device.uids)} == {state.MOST_EACH}


def test_where_the_bridge_of_a_site_is_down_its_devices_are_unknown() -> None:
    away, here = Simulated(1, "site-a"), Simulated(2, "site-b")
    fleet = fleet_of(values(away), values(here), {"site-a/vedette/bridge": b"0", "site-b/vedette/bridge": b"1"})
    found = {each.name: each for each in rows(fleet)}
    assert found["site-b/sim-00002"].state == "online"
    assert (found["site-a/sim-00001"].state, found["site-a/sim-00001"].fps) == ("unknown", None)
    assert found["site-a/sim-00001"].notes == ("the bridge of site-a is down: what it last said",)
    hear(fleet, "site-a/vedette/bridge", b"1")
    assert row("site-a/sim-00001", fleet.devices["site-a/sim-00001"], fleet).state == "online"


def test_patterns_and_problems() -> None:
    fleet = fleet_of(values(HOT), values(CALM), values(Simulated(3, "site-a")))
    assert [each.name for each in rows(fleet)] == ["sim-00010", "sim-00011", "site-a/sim-00003"]
    assert [each.name for each in rows(fleet, ["*-0001?"])] == ["sim-00010", "sim-00011"]
    assert [each.name for each in rows(fleet, ["site-a/*", "sim-00010"])] == ["sim-00010", "site-a/sim-00003"]
    assert [each.name for each in rows(fleet, troubled=True)] == ["sim-00010"]
