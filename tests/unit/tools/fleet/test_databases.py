"""Telegraf and Prometheus, as far as they can be had: the first reads on paper, the second's promtool is real.

That a real Telegraf reads the same, and writes it to PostgreSQL, is for tests/slow/telegraf.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.core import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from agent.publish import payloads
from agent.publish.events import Event, Numbered, alert_event, camera_status_event, event_message
from agent.publish.payloads import OutboxHealth
from agent.runtime.metrics.collector import Daemon
from tests.support import telegraf
from tests.support.simulated import CAMERA, Simulated
from tests.unit.runtime.test_metrics import PUBLISHER, report

FOLDER = Path(__file__).parents[4] / "config" / "fleet"
RULES = yaml.safe_load((FOLDER / "vedette.rules.yml").read_text())
SELECTOR = re.compile(r"\b(vedette_[a-z0-9_]+)(?:\{([^}]*)\})?")
LABEL = re.compile(r"\$labels\.(\w+)")
SCRAPED = {"job", "instance"}
"""Labels that Prometheus adds."""
DEVICE = Simulated(10)
CONSUMERS = {consumer["name_override"]: consumer for consumer in telegraf.inputs()}


def rules() -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def ours() -> dict[str, set[str]]:
    """The labels of each sample that a daemon tells Prometheus, by name."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Daemon(report(), PUBLISHER))
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
        found.setdefault(family.name + ("_total" if family.type == "counter" else ""), set())
    return found


def of_telegraf() -> dict[str, set[str]]:
    """The same of what `outputs.prometheus_client` would tell: measurement and field joined by _, tags as labels."""
    (output,) = telegraf.document()["outputs"]["prometheus_client"]
    health = payloads.health(replace(DEVICE.health(), outbox=OutboxHealth(3, 1.5, 900)))
    row = telegraf.row(CONSUMERS["vedette_health"], DEVICE.topics.health, health)
    assert output["namepass"] == [row.table]
    return {f"{row.table}_{field}": set(row.tags) for field in row.fields}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_each_name_in_a_rule_is_one_that_is_told(rule: dict[str, Any]) -> None:
    known = {**ours(), **of_telegraf()}
    # Not in the sample report: nothing is lost in it, and its machine knows no temperature.
    known |= {"vedette_events_lost_total": {"cause"}, "vedette_temperature_celsius": set()}
    used = SELECTOR.findall(rule["expr"])
    labels = set(SCRAPED)
    for name, selected in used:
        assert name in known, name
        assert {part.split("=")[0].strip("!~ ") for part in selected.split(",") if part} <= known[name] | SCRAPED
        labels |= known[name]
    assert used or "up{" in rule["expr"]
    assert set(LABEL.findall(str(rule.get("annotations")))) <= labels


@pytest.mark.rooted
@pytest.mark.parametrize(
    "words", [("check", "rules", "vedette.rules.yml"), ("check", "config", "prometheus.yml")], ids=lambda w: w[1]
)
def test_promtool_takes_them(words: tuple[str, ...]) -> None:
    assert "SUCCESS" in promtool(*words)


@pytest.mark.rooted
def test_promtool_sees_each_alert_rise_and_no_other() -> None:
    promtool("test", "rules", "vedette.rules.test.yml")
    tested = yaml.safe_load((FOLDER / "vedette.rules.test.yml").read_text())["tests"]
    raised = {t["alertname"] for test in tested for t in test.get("alert_rule_test", ()) if t.get("exp_alerts")}
    assert raised == {rule["alert"] for rule in rules() if "alert" in rule}


def promtool(*words: str) -> str:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (apt install prometheus)")
    done = subprocess.run([program, *words], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_telegraf_would_find_what_it_looks_for_in_health() -> None:
    row = telegraf.row(CONSUMERS["vedette_health"], DEVICE.topics.health, payloads.health(DEVICE.health()))
    assert row.tags == {"device": "sim-00010"}
    assert row.fields == {
        "uptime": 86_400.0,
        "rss": 126_000_000,
        "load1": 0.41,
        "temperature": 61.2,
        "outbox_events": 0,
        "alerts": 1,
        "mqtt_connects": 1,
    }
    poor = replace(DEVICE.health(), outbox=None, temperature=None, load=(), alerts=[])
    fields = telegraf.row(CONSUMERS["vedette_health"], DEVICE.topics.health, payloads.health(poor)).fields
    assert fields == {"uptime": 86_400.0, "rss": 126_000_000, "alerts": 0, "mqtt_connects": 1}


def test_telegraf_would_find_what_it_looks_for_in_status() -> None:
    row = telegraf.row(CONSUMERS["vedette_status"], DEVICE.topics.status, payloads.ONLINE)
    assert (row.tags, row.fields) == ({"device": "sim-00010"}, {"value": "online"})


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (camera_status_event(CAMERA, "offline", "no answer", 1.7e9, synced=True), {}),
        (
            alert_event("disk-full", "device", "error", "full", "make room", 1.7e9, 1.7e9, raised=True, synced=True),
            {"text": "full"},
        ),
    ],
)
def test_telegraf_would_find_what_it_looks_for_in_events(event: Event, fields: dict[str, Any]) -> None:
    message = event_message(event, Numbered("3c9e", 7), "sim-00010")
    row = telegraf.row(CONSUMERS["vedette_event"], DEVICE.topics.events, message)
    assert row.time == "2023-11-14T22:13:20.000Z"
    assert row.tags == {"device": "sim-00010", "type": event.type}
    source = f"vedette/sim-00010/{CAMERA}" if event.camera else "vedette/sim-00010"
    assert row.fields == {"id": "3c9e-7", "epoch": "3c9e", "seq": 7, "source": source, "historical": False, **fields}


def test_telegraf_would_find_the_track_in_its_event() -> None:
    row = telegraf.row(CONSUMERS["vedette_event"], DEVICE.topics.events, DEVICE.event())
    assert row.tags["type"] == "vedette.track.ended"
    assert {"label", "track_uid", "duration"} <= set(row.fields)
    assert row.fields["duration"] == 11.8


def test_telegraf_may_read_what_it_subscribes_to_and_secrets_are_not_in_its_file() -> None:
    acl = (FOLDER / "central.acl").read_text()
    rules = acl.partition("user telegraf\n")[2].partition("\n\n")[0]
    for consumer in CONSUMERS.values():
        assert consumer["password"] == "${VEDETTE_MQTT_PASSWORD}"
        assert len({consumer["client_id"] for consumer in CONSUMERS.values()}) == len(CONSUMERS)
        for topic in consumer["topics"]:
            assert f"topic read +/{topic}" in rules
            assert [parsing["topic"] for parsing in consumer["topic_parsing"]] == [topic]
    assert CONSUMERS["vedette_event"]["persistent_session"] is True
