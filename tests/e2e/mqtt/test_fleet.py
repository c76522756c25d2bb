"""`vedette fleet` on real brokers: fifty devices, and what goes wrong with a broker, a device, or who asks."""

from __future__ import annotations

import json
import random
import shlex
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent.cli import main
from agent.publish import payloads
from agent.publish.link import MQTT311
from agent.tools.fleet import asking
from agent.tools.fleet.messages import hear
from tests.support import simulated
from tests.support.audience import Audience
from tests.support.brokers import HOST, MOSQUITTO_MISSING, free_port, wait_for
from tests.support.fleets import keep, playing
from tests.support.pages import ROOT, spans
from tests.support.proxy import Proxy
from tests.support.secrets import forget
from tests.support.simulated import Simulated, name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.brokers import BrokerProcess

DEVICES = 50


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch)


@pytest.fixture
def asked(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    """`asked(port, ...)`: exit code, and what `vedette fleet --json` told."""

    def ask(port: int, *options: str) -> tuple[int, Any]:
        code = main(["fleet", "--broker", f"mqtt://{HOST}:{port}", "--json", *options])
        return code, json.loads(capsys.readouterr().out)

    return ask


def whole(device: Simulated, status: bytes = payloads.ONLINE) -> dict[str, bytes]:
    return {**device.retained(), device.topics.status: status}


@pytest.mark.rooted
def test_every_device_is_listed_and_every_event_arrives(
    mosquitto: BrokerProcess, listen: Callable[[BrokerProcess], Audience], asked: Callable[..., tuple[int, Any]]
) -> None:
    """What the simulated devices say is held against asyncapi.yaml, as all that is heard in a test is."""
    heard = listen(mosquitto)
    with playing(mosquitto.port, DEVICES, "--events", "60", "--detections", "0.5") as fleet:
        code, told = asked(mosquitto.port)
        assert code == 0
        assert [each["device"] for each in told["devices"]] == [name_of(n) for n in range(DEVICES)]
        assert (told["states"]["online"], told["incomplete"], told["whole"], told["notes"]) == (DEVICES, 0, True, [])
        assert {len(each["alerts"]) for each in told["devices"][::10]} == {1}
        assert {(each["fps"], each["outbox"], each["version"]) for each in told["devices"]} == {(15.0, 0, "0.1.0")}
        assert {each["models"][0] for each in told["devices"]} == {"person", "coco-ssd"}
        wait_for(lambda: sum(m.topic.endswith("/events") for m in heard.messages) >= 2 * DEVICES)
        sent = fleet.end()
    events = [m for m in heard.messages if m.topic.endswith("/events")]
    assert (sum(sent["events"].values()), sent["acked"], sent["gone"]) == (len(events), len(events), 0)
    ids = [json.loads(m.payload)["id"] for m in events]
    assert len(set(ids)) == len(ids)
    code, told = asked(mosquitto.port, "sim-0000?", "sim-00049")
    assert code == 0
    assert [each["device"] for each in told["devices"]] == [name_of(n) for n in (*range(10), 49)]
    assert {each["state"] for each in told["devices"]} == {"offline"}


@pytest.mark.rooted
@pytest.mark.made_up
def test_a_broker_that_lost_half_of_what_it_kept(
    mosquitto: BrokerProcess, asked: Callable[..., tuple[int, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    devices = [Simulated(n) for n in range(DEVICES)]
    for device in devices:
        keep(mosquitto.port, whole(device))
    due = sorted(t for d in devices for t in (d.topics.status, d.topics.info, d.topics.summary))
    lost = set(random.Random(7).sample(due, len(due) // 2))
    keep(mosquitto.port, dict.fromkeys(lost, b""))
    code, told = asked(mosquitto.port)
    assert code == 0
    assert len(told["devices"]) == DEVICES, "none is forgotten: something is kept of each"
    for device, row in zip(devices, told["devices"], strict=True):
        missing = {topic.rpartition("/")[2] for topic in lost if topic.startswith(f"{device.topics.root}/")}
        assert set(row["unknown"]) == missing
        assert (row["state"] == "unknown") is ("status" in missing)
        assert (row["version"] is None) is ("info" in missing)
        assert (row["alerts"] is None) is (row["outbox"] is None) is bool({"summary", "status"} & missing)
    assert told["incomplete"] == sum(bool(row["unknown"]) for row in told["devices"]) > DEVICES / 2
    main(["fleet", "--broker", f"mqtt://{HOST}:{mosquitto.port}", "--only", "problems"])
    out = capsys.readouterr().out
    assert f"{told['incomplete']} incomplete" in out
    assert len(out.splitlines()) < DEVICES + 4


@pytest.mark.rooted
def test_a_broker_that_sends_little_at_once(
    mosquitto_with: Callable[..., BrokerProcess], asked: Callable[..., tuple[int, Any]]
) -> None:
    """Of QoS 1 it would queue ten messages here, and drop the others."""
    broker = mosquitto_with("max_queued_messages 10", "max_inflight_messages 2", "max_packet_size 8000")
    with playing(broker.port, DEVICES):
        code, told = asked(broker.port)
    assert (code, told["states"]["online"], told["incomplete"]) == (0, DEVICES, 0)


@pytest.mark.rooted
@pytest.mark.parametrize("kind", ["status", "info", "summary"])
def test_what_is_lost_on_the_way_is_asked_for_once_more(
    mosquitto: BrokerProcess, asked: Callable[..., tuple[int, Any]], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Lost on our side, since this mosquitto drops nothing of QoS 0; others do."""
    for n in range(DEVICES):
        keep(mosquitto.port, whole(Simulated(n)))
    lost: list[str] = []

    def hear_less(fleet: Any, topic: str, payload: bytes) -> None:
        if topic.endswith(f"/{kind}") and topic.count("/") == 3 and len(lost) < DEVICES - 10:
            lost.append(topic)
        else:
            hear(fleet, topic, payload)

    monkeypatch.setattr(asking, "hear", hear_less)
    code, told = asked(mosquitto.port)
    assert len(lost) == DEVICES - 10
    assert (code, told["incomplete"], told["states"]["online"]) == (0, 0, DEVICES)


@pytest.mark.rooted
@pytest.mark.made_up
def test_junk_and_names_that_two_devices_have(mosquitto: BrokerProcess, asked: Callable[..., tuple[int, Any]]) -> None:
    fine, junk, twin = Simulated(1), Simulated(2), Simulated(3)
    keep(mosquitto.port, whole(fine) | whole(junk) | whole(twin))
    junk_values = {junk.topics.info: b"\xff" * 5000, junk.topics.status: b"asleep", junk.topics.summary: b"[" * 50_000}
    keep(mosquitto.port, {**junk_values, "vedette/1/Gate Ünï !/status": b"online"})
    other = {**json.loads(twin.retained()[twin.topics.info]), "device_uid": "f00d", "boot_id": "other"}
    keep(mosquitto.port, {twin.topics.info: json.dumps(other).encode()})
    code, told = asked(mosquitto.port)
    rows = {row["device"]: row for row in told["devices"]}
    assert code == 0
    assert rows[name_of(1)]["notes"] == []
    assert rows[name_of(2)]["state"] == "unknown"
    assert rows[name_of(2)]["notes"] == ["publishes what no vedette publishes: info, status, summary"]
    assert "two devices have this name" in rows[name_of(3)]["notes"][0]
    assert "no vedette has such a name" in rows["Gate Ünï !"]["notes"]


@pytest.mark.rooted
def test_two_that_tell_while_one_asks_are_seen_at_once(
    mosquitto: BrokerProcess, asked: Callable[..., tuple[int, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Simulated(3)
    keep(mosquitto.port, whole(device))
    info = device.retained()[device.topics.info]
    other = json.dumps({**json.loads(info), "device_uid": "f00d"}).encode()
    monkeypatch.setattr(asking, "QUIET_S", 1.0)
    told = threading.Timer(0.5, keep, (mosquitto.port, {device.topics.info: other}))
    told.start()
    _, found = asked(mosquitto.port)
    told.join()
    assert found["devices"][0]["notes"] == ["2 devices have this name (0000000000000003, f00d)"]


@pytest.mark.rooted
def test_sites_by_their_prefix_and_one_whose_bridge_is_down(
    mosquitto: BrokerProcess, asked: Callable[..., tuple[int, Any]]
) -> None:
    keep(mosquitto.port, whole(Simulated(1, "site-a")) | whole(Simulated(1, "site-b")) | whole(Simulated(2)))
    keep(mosquitto.port, {"site-a/vedette/bridge": b"0", "site-b/vedette/bridge": b"1"})
    assert [row["device"] for row in asked(mosquitto.port)[1]["devices"]] == ["sim-00002"]
    assert [row["device"] for row in asked(mosquitto.port, "--prefix", "site-b")[1]["devices"]] == ["site-b/sim-00001"]
    rows = {row["device"]: row["state"] for row in asked(mosquitto.port, "--prefix", "+")[1]["devices"]}
    assert rows == {"site-a/sim-00001": "unknown", "site-b/sim-00001": "online"}


def test_a_broker_of_the_former_version(amqtt_broker: BrokerProcess, asked: Callable[..., tuple[int, Any]]) -> None:
    devices = [Simulated(n) for n in range(5)]
    for device in devices:
        keep(amqtt_broker.port, whole(device), version=MQTT311)
    code, told = asked(amqtt_broker.port)
    assert (code, told["states"]["online"], told["incomplete"]) == (0, 5, 0)


@pytest.mark.rooted
@pytest.mark.parametrize(("how", "note"), [("refuse", "was lost"), ("stall", "was not done after 1 s")])
def test_a_broker_that_goes_away_while_it_tells(
    mosquitto: BrokerProcess,
    asked: Callable[..., tuple[int, Any]],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    note: str,
) -> None:
    for n in range(DEVICES):
        keep(mosquitto.port, whole(Simulated(n)))
    proxy = Proxy(mosquitto.port)
    heard: list[str] = []

    def hear_some(fleet: Any, topic: str, payload: bytes) -> None:
        hear(fleet, topic, payload)
        heard.append(topic)
        if len(heard) == DEVICES + 10:
            getattr(proxy, how)()

    monkeypatch.setattr(asking, "hear", hear_some)
    code, told = asked(proxy.port, "--timeout", "1")
    proxy.stop()
    assert code == 1
    assert not told["whole"]
    assert len(told["devices"]) == DEVICES
    assert told["incomplete"] == DEVICES
    assert note in told["notes"][0]


def test_no_broker_and_wrong_options(capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    assert main(["fleet", "--broker", f"mqtt://{HOST}:{port}"]) == 1
    assert f"nothing listens at {HOST}:{port}" in capsys.readouterr().err
    for options, text in (
        (("--prefix", "a/#"), "is not a topic prefix"),
        (("--broker", "http://h"), "--broker"),
        (("--timeout", "nan"), "is not a time"),
        (("--timeout", "-1"), "is not a time"),
        (("--ca", "/none"), "no such file"),
        (("--username", "me", "--password-file", "/none"), "No such file"),
    ):
        assert main(["fleet", *options]) == 2
        assert text in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["fleet", "--only", "weather"])
    assert ended.value.code == 2


@pytest.fixture
def guarded(mosquitto_with: Callable[..., BrokerProcess], tmp_path: Path) -> BrokerProcess:
    """With the rules we ship; users `viewer`, `gate`, which is a device, and one who may read states only."""
    if (program := shutil.which("mosquitto_passwd")) is None:
        pytest.skip(MOSQUITTO_MISSING)
    shipped = Path(__file__).parents[3] / "config" / "mosquitto" / "vedette.acl"
    (tmp_path / "acl").write_text(f"{shipped.read_text()}\nuser porter\ntopic read vedette/1/+/status\n")
    (tmp_path / "acl").chmod(0o600)
    for name in ("viewer", "gate", "porter"):
        flags = [] if (tmp_path / "users").exists() else ["-c"]
        subprocess.run([program, "-b", *flags, str(tmp_path / "users"), name, f"{name}-word"], check=True, timeout=10)
    acl, users = tmp_path / "acl", tmp_path / "users"
    return mosquitto_with("allow_anonymous false", f"password_file {users}", f"acl_file {acl}")


@pytest.mark.rooted
def test_who_may_not_read_is_told_so(
    guarded: BrokerProcess, asked: Callable[..., tuple[int, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """mosquitto grants each of these subscriptions."""
    monkeypatch.setattr(simulated, "name_of", lambda _: "gate")
    gate = Simulated(0)
    keep(guarded.port, whole(gate), user="gate")
    for name, devices in (("viewer", 1), ("gate", 0), ("porter", 1)):
        monkeypatch.setenv("VEDETTE_SECRET_MQTT_PASSWORD", f"{name}-word")
        code, told = asked(guarded.port, "--username", name)
        assert (code, len(told["devices"])) == (0, devices)
        if name == "viewer":
            assert (told["incomplete"], told["notes"]) == (0, [])
        elif name == "gate":
            assert "this user may not read it" in told["notes"][0]
        else:
            assert told["devices"][0]["unknown"] == ["info", "summary"]
            assert told["devices"][0]["alerts"] is None


@pytest.mark.rooted
def test_a_wrong_password_is_not_repeated(
    guarded: BrokerProcess, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VEDETTE_SECRET_MQTT_PASSWORD", "wrong-guess")
    assert main(["fleet", "--broker", f"mqtt://{HOST}:{guarded.port}", "--username", "viewer"]) == 1
    said = capsys.readouterr()
    assert "refused the connection" in said.err
    assert "user 'viewer'" in said.err
    assert "guess" not in said.out + said.err


@pytest.mark.rooted
def test_a_device_that_is_no_more_is_taken_off_the_broker(
    mosquitto: BrokerProcess, asked: Callable[..., tuple[int, Any]]
) -> None:
    """With what docs/fleet.md gives to mosquitto_sub."""
    if shutil.which("mosquitto_sub") is None:
        pytest.skip("mosquitto_sub is not installed (apt install mosquitto-clients)")
    (given,) = [span for span in spans((ROOT / "docs/fleet.md").read_text()) if "--remove-retained" in span]
    place = ["-h", HOST, "-p", str(mosquitto.port)]
    for name in ("shed", "gate-pi"):
        for topic, value in (("status", "offline"), ("cam/yard/status", "offline")):
            words = ["mosquitto_pub", *place, "-r", "-t", f"vedette/1/{name}/{topic}", "-m", value]
            subprocess.run(words, timeout=10, check=True)
    assert [device["device"] for device in asked(mosquitto.port)[1]["devices"]] == ["gate-pi", "shed"]
    subprocess.run(["mosquitto_sub", *place, *shlex.split(given)], timeout=20, check=False, capture_output=True)
    assert [device["device"] for device in asked(mosquitto.port)[1]["devices"]] == ["gate-pi"]
