"""What a person reads of the status file."""

from __future__ import annotations

from typing import Any

from agent.tools import show


def status(**changed: Any) -> str:
    value = {
        "device": "gate-pi",
        "version": "1",
        "pid": 1,
        "uptime": 1.0,
        "rss": 1e8,
        "mqtt": {"connected": True, "sent": 7},
        "outbox": {"depth": 0, "age": None},
        "cameras": {"gate": camera("")},
        "engines": {},
        "config": config(),
        "alerts": [],
    }
    return show.status({**value, **changed})


def camera(error: str) -> dict[str, Any]:
    return {"status": "offline", "fps_in": 0.0, "fps_inferred": 0.0, "drops": {}, "decoder": "", "error": error}


def config(**changed: Any) -> dict[str, Any]:
    own = {"state": "ok", "running_hash": "a", "file": "v.yaml", "file_hash": "a", "errors": [], "overrides": []}
    return {**own, **changed}


def test_a_config_from_afar_is_told() -> None:
    assert "v.yaml" not in status()
    said = status(config=config(file="/var/lib/vedette/remote.yaml", file_hash="b"))
    assert "/var/lib/vedette/remote.yaml is what runs: it came over MQTT" in said
    assert "until that is edited" in said
    assert "afar" not in status(config=config(state="rejected", file_hash="b"))


def test_events_that_are_on_their_way_do_not_wait() -> None:
    assert "wait" not in status(outbox={"depth": 1, "age": 0.1})
    assert "; 1 event waits, for 3 s" in status(outbox={"depth": 1, "age": 3.0})
    assert "; 2 events wait, the oldest for 3 s" in status(outbox={"depth": 2, "age": 3.0})


def test_alerts_stand_together() -> None:
    alerts = [{"severity": "error", "code": "c", "subject": s, "text": "t"} for s in ("a", "b")]
    assert status(alerts=alerts).endswith("\n\nERROR c/a: t\nERROR c/b: t")
    alerts[0]["hint"] = "mend it"
    assert status(alerts=alerts).endswith("\n\nERROR c/a: t\n  mend it\nERROR c/b: t")


def test_a_long_error_does_not_make_the_table_wide() -> None:
    said = status(cameras={"gate": camera("e" * 300)})
    assert max(map(len, said.splitlines())) < 160
    assert "e…" in said


def test_what_only_a_chip_runs_is_told() -> None:
    own = {"state": "serving", "p50_ms": 7.0, "p99_ms": 9.0, "restarts": 0, "cause": None}
    served = status(engines={"edgetpu-gate": {**own, "no_fallback": True}, "openvino-yard": own})
    assert [line.endswith("  no fallback") for line in served.splitlines()[-2:]] == [True, False]
    failed = {**own, "state": "failed", "cause": "it is unplugged", "no_fallback": True}
    assert status(engines={"edgetpu-gate": failed}).endswith("it is unplugged; no fallback")


def test_a_model_that_cannot_be_used_says_why_in_one_line() -> None:
    row = {"name": "gate", "installed": True, "size": None, "problem": "x.onnx: empty\n  look", "description": "d"}
    assert show.models([row]).splitlines()[1].split() == ["gate", "yes", "-", "unknown", "x.onnx:", "empty"]
