"""`config/fleet/telegraf.conf` in a real Telegraf, with a real mosquitto (TLS, our ACLs) and a real PostgreSQL.

Telegraf is $VEDETTE_TELEGRAF, or that of the PATH. It need not have more than inputs.mqtt_consumer, the parsers json_v2
and value, and the outputs postgresql and prometheus_client. Not proven here: TLS to the database.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.publish import payloads
from agent.publish.events import Event, Numbered, alert_event, as_historical, camera_status_event, event_message
from agent.publish.payloads import OutboxHealth
from tests.slow.telegraf.stage import CONFIG, Stage, program
from tests.support import telegraf
from tests.support.asyncapi import document
from tests.support.brokers import MOSQUITTO_MISSING, wait_for
from tests.support.fleets import keep, playing, say
from tests.support.postgres import postgres
from tests.support.simulated import CAMERA, Simulated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EVENTS = (CONFIG / "fleet/events.sql").read_text()
WHEN = 1.7e9
ODD = 'no "picture":\t\\ü\n'
LAST = "SELECT DISTINCT ON (device) device, value FROM vedette_status ORDER BY device, time DESC"
DEVICES = 20
SILENT_S = 60.0


@pytest.fixture
def stage_of(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip(MOSQUITTO_MISSING)
    telegraf_program = program()
    made: list[Stage] = []
    with postgres() as database:

        def start(*, sites: bool = False) -> Stage:
            made.append(Stage(telegraf_program, tmp_path, database, sites=sites))
            made[-1].start()
            return made[-1]

        yield start
        for stage in made:
            stage.close()


@pytest.fixture
def stage(stage_of: Callable[..., Stage]) -> Stage:
    return stage_of()


def expected(row: telegraf.Row) -> dict[str, Any]:
    return {**({} if row.time is None else {"time": row.time}), **row.tags, **row.fields}


def of(device: Simulated, event: Event) -> bytes:
    device.seq += 1
    return event_message(event, Numbered(device.epoch, device.seq), device.topics.device)


@pytest.mark.parametrize("prefix", ["", "site-a"], ids=["one site", "a centre"])
def test_each_row_is_what_the_device_said(stage_of: Callable[..., Stage], prefix: str) -> None:
    stage = stage_of(sites=bool(prefix))
    rich, poor = Simulated(10, prefix), Simulated(2, prefix)
    labels = {"device", *(["site"] if prefix else [])}
    keep(stage.broker.port, {rich.topics.status: payloads.ONLINE})
    stage.count("vedette_status", 1)
    for payload in (payloads.OFFLINE, b""):
        keep(stage.broker.port, {rich.topics.status: payload})
    bare = replace(poor.health(), outbox=None, temperature=None, load=(), alerts=[], cameras={}, engines={})
    healths = {
        rich.topics.health: payloads.health(replace(rich.health(), outbox=OutboxHealth(3, 1.5, 900))),
        poor.topics.health: payloads.health(bare),
    }
    say(stage.broker.port, healths.items())
    alert = alert_event("disk-full", "device", "error", ODD, "make room", WHEN, WHEN, raised=True, synced=True)
    offline = camera_status_event(CAMERA, "offline", "no answer", WHEN, synced=True)
    events = [
        *(rich.event() for _ in range(4)),
        as_historical(rich.event()),
        of(rich, offline),
        of(rich, alert),
        poor.event(),
    ]
    say(stage.broker.port, [(rich.topics.events, message) for message in events[:-1]])
    say(stage.broker.port, [(poor.topics.events, events[-1])])
    stage.count("vedette_event", 8)
    stage.count("vedette_health", 2)
    stage.count("vedette_status", 3)

    statuses = stage.rows("vedette_status")
    for row in statuses:
        heard = datetime.strptime(row.pop("time"), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
        assert abs(heard.timestamp() - time.time()) < 120
    tags = {"device": "sim-00010", **({"site": prefix} if prefix else {})}
    assert statuses == [{**tags, "value": value} for value in ("online", "offline", "")]
    kinds = stage.consumers
    rows = [expected(telegraf.row(kinds["vedette_health"], topic, payload)) for topic, payload in healths.items()]
    assert _sorted(stage.rows("vedette_health")) == _sorted(rows)
    topics = [rich.topics.events] * 7 + [poor.topics.events]
    sent = zip(topics, events, strict=True)
    rows = [expected(telegraf.row(kinds["vedette_event"], topic, message)) for topic, message in sent]
    assert _sorted(stage.rows("vedette_event")) == _sorted(rows)

    told = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(stage.metrics())
        for sample in family.samples
    }
    for topic, payload in healths.items():
        row = telegraf.row(kinds["vedette_health"], topic, payload)
        assert set(row.tags) == labels
        for name, value in row.fields.items():
            assert told.pop((f"vedette_health_{name}", tuple(sorted(row.tags.items())))) == value
    assert told == {}
    assert stage.trouble() == []


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["device"], row.get("seq", 0)))


def test_columns_have_the_types_that_are_told_and_the_views_see_them_all(stage: Stage) -> None:
    device = Simulated(1)
    own = {n: device.event() for n in range(1, 9)}
    came = [message for n, message in own.items() if n not in {3, 4, 7}]
    say(stage.broker.port, [(device.topics.events, message) for message in (*came, *came[:2])])
    stage.count("vedette_event", 7)
    stage.ask(EVENTS)
    assert stage.ask("SELECT count(*) FROM vedette_event_once") == [["5"]]
    name, epoch = device.topics.device, device.epoch
    missing = [[name, epoch, "3", "4"], [name, epoch, "7", "7"]]
    assert stage.ask("SELECT * FROM vedette_event_missing ORDER BY first") == missing
    alert = alert_event("disk-full", "device", "error", "full", "make room", WHEN, WHEN, raised=True, synced=True)
    say(stage.broker.port, [(device.topics.events, of(device, alert))])
    stage.count("vedette_event", 8)
    assert stage.ask("SELECT text FROM vedette_event_once WHERE seq = 9") == [["full"]]
    stage.ask(EVENTS)
    columns = stage.ask(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'vedette_event_once'"
    )
    (rules,) = stage.consumers["vedette_event"]["json_v2"]
    types = {"string": "text", "int": "bigint", "float": "double precision", "bool": "boolean"}
    fields = {rule.get("rename", rule["path"]): types[rule["type"]] for rule in rules["field"]}
    assert dict(columns) == {"time": "timestamp without time zone", "device": "text", "type": "text", **fields}
    assert stage.trouble() == []


def test_each_event_that_our_interface_shows_is_taken(stage: Stage) -> None:
    device = Simulated(1)
    examples = document()["components"]["messages"]["event"]["examples"]
    messages = [json.dumps(example["payload"]).encode() for example in examples]
    say(stage.broker.port, [(device.topics.events, message) for message in messages])
    stage.count("vedette_event", len(messages))
    assert stage.trouble() == []


@pytest.mark.parametrize("stop", [Stage.end, Stage.kill], ids=["ended", "killed"])
def test_a_restart_loses_no_event(stage: Stage, stop: Callable[[Stage], None]) -> None:
    with playing(stage.broker.port, DEVICES, "--events", "60") as fleet:
        for _ in range(2):
            time.sleep(3)
            stop(stage)
            time.sleep(2)
            stage.start()
        time.sleep(2)
        sent = fleet.end()["events"]
    wait_for(lambda: _distinct(stage) >= sum(sent.values()), 30, lambda: f"{_distinct(stage)} of {sum(sent.values())}")
    stage.ask(EVENTS)
    each = stage.ask("SELECT device, count(*) FROM vedette_event_once GROUP BY device")
    assert {device: int(number) for device, number in each} == sent
    assert min(sent.values()) >= 5
    assert stage.ask("SELECT * FROM vedette_event_missing") == []
    wait_for(lambda: stage.ask(LAST) == [[device, "offline"] for device in sorted(sent)], 20, "not all are offline")
    assert stage.trouble() == []


def _distinct(stage: Stage) -> int:
    return len({(row["device"], row["seq"]) for row in stage.rows("vedette_event")})


def test_an_outage_of_the_database_loses_no_event_though_telegraf_is_killed_in_it(stage: Stage) -> None:
    device = Simulated(1)
    say(stage.broker.port, [(device.topics.events, device.event()) for _ in range(10)])
    stage.count("vedette_event", 10)
    stage.database.stop()
    say(stage.broker.port, [(device.topics.events, device.event()) for _ in range(50)])
    wait_for(stage.trouble, 20, "it does not complain")
    stage.kill()
    stage.database.start()
    stage.start()
    wait_for(lambda: _distinct(stage) == 60, 30, "not all came")


def test_an_outage_that_outlasts_the_buffer_loses_no_event_and_prometheus_sees_on(stage: Stage) -> None:
    """How much health is kept for the database is the only other thing that is not as shipped."""
    device, other = Simulated(1), Simulated(2)
    stage.end()
    stage.text = stage.text.replace("metric_buffer_limit = 100000", "metric_buffer_limit = 2000")
    stage.start()
    say(stage.broker.port, [(device.topics.events, device.event())])
    stage.count("vedette_event", 1)
    stage.database.stop()
    say(stage.broker.port, [(device.topics.events, device.event()) for _ in range(50)])
    for _ in range(5):
        say(stage.broker.port, [(device.topics.health, payloads.health(device.health()))] * 1000)
        time.sleep(1)
    say(stage.broker.port, [(other.topics.health, payloads.health(other.health()))])
    wait_for(lambda: other.topics.device in stage.metrics(), 20, "Prometheus is not told")
    wait_for(lambda: "metrics have been dropped" in stage.log(), 20, "nothing was dropped")
    stage.database.start()
    say(stage.broker.port, [(other.topics.events, other.event()) for _ in range(50)])
    wait_for(lambda: _distinct(stage) == 101, 30, "not all came")


def test_a_restart_of_the_broker_is_followed(stage: Stage) -> None:
    device = Simulated(1)
    stage.broker.kill()
    stage.broker.start()
    wait_for(lambda: stage.broker.log().count(" vedette/1/+/events\n") == 2, 40, "it does not come back")
    say(stage.broker.port, [(device.topics.events, device.event())])
    stage.count("vedette_event", 1)


def test_it_may_start_before_the_broker_and_the_database(stage: Stage) -> None:
    device = Simulated(1)
    stage.end()
    stage.broker.kill()
    stage.database.stop()
    stage.launch()
    wait_for(stage.trouble, 20, "it does not complain")
    stage.broker.start()
    wait_for(lambda: stage.broker.log().count(" vedette/1/+/events\n") == 2, 40, "it does not come")
    say(stage.broker.port, [(device.topics.events, device.event())])
    stage.database.start()
    stage.count("vedette_event", 1)


def test_thousands_at_once_are_not_too_many_for_what_a_broker_gives_unconfirmed(stage: Stage) -> None:
    """mosquitto gives 20, and has 10,000 wait; with `flush_interval` 10 s it took ten times as long."""
    device, number = Simulated(1), 5000
    say(stage.broker.port, [(device.topics.events, device.event()) for _ in range(number)])
    began = time.monotonic()
    stage.count("vedette_event", number)
    print(f"{number} events after {time.monotonic() - began:.1f} s")
    assert stage.trouble() == []


def test_a_row_that_is_refused_takes_with_it_what_is_written_beside_it(stage: Stage) -> None:
    """Why events.sql has no unique index."""
    device = Simulated(1)
    first = device.event()
    say(stage.broker.port, [(device.topics.events, first)])
    stage.count("vedette_event", 1)
    stage.ask("CREATE UNIQUE INDEX once ON vedette_event (device, epoch, seq)")
    say(stage.broker.port, [(device.topics.events, message) for message in (device.event(), first, device.event())])
    wait_for(stage.trouble, 20, "it does not complain")
    say(stage.broker.port, [(device.topics.events, device.event())])
    wait_for(lambda: 4 in {row["seq"] for row in stage.rows("vedette_event")}, 20)
    assert _distinct(stage) < 4


def test_other_topics_need_another_client_id(stage_of: Callable[..., Stage]) -> None:
    """As the first lines of the file say."""
    stage = stage_of(sites=True)
    ours, other = Simulated(1, "site-a"), Simulated(2, "site-b")

    def start(topic: str, name: str) -> None:
        stage.end()
        stage.text = text.replace("+/vedette/1/+/events", topic).replace("vedette-events", name)
        stage.start()

    text = stage.text
    start("site-b/vedette/1/+/events", "first")
    start("+/vedette/1/+/events", "first")
    say(stage.broker.port, [(device.topics.events, device.event()) for device in (ours, other)])
    stage.count("vedette_event", 1)
    assert stage.rows("vedette_event")[0]["site"] == "site-b"
    start("+/vedette/1/+/events", "second")
    say(stage.broker.port, [(ours.topics.events, ours.event())])
    stage.count("vedette_event", 2)
    assert stage.trouble() == []


def test_prometheus_is_told_of_a_device_for_a_minute(stage: Stage) -> None:
    device = Simulated(1)
    say(stage.broker.port, [(device.topics.health, payloads.health(device.health()))])
    wait_for(lambda: device.topics.device in stage.metrics(), 20)
    began = time.monotonic()
    wait_for(lambda: device.topics.device not in stage.metrics(), SILENT_S + 30, "it is not forgotten")
    assert time.monotonic() - began > SILENT_S - 10
