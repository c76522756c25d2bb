"""The bridge and the central broker that we ship, run as they are, with certificates from the script we ship."""

from __future__ import annotations

import json
import random
import shutil
import stat
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent.cli import main
from agent.config.model import MqttConfig, OutboxConfig, TlsConfig
from agent.config.secrets import Secret
from agent.publish import payloads
from agent.publish.endpoint import Endpoint
from agent.publish.events import camera_status_event
from agent.publish.mqtt import Publisher
from agent.publish.outbox import Outbox
from agent.publish.subscribe import Subscriber
from agent.publish.topics import Topics
from tests.support.brokers import HOST, MOSQUITTO, MOSQUITTO_MISSING, BrokerProcess, free_port, wait_for
from tests.support.contract import violation
from tests.support.proxy import Proxy
from tests.support.simulated import Simulated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.publish.message import Message

pytestmark = pytest.mark.rooted

CONFIG = Path(__file__).parents[3] / "config"
SITE = "site-a"
OUTAGE_S = 3.0


def certificates(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(CONFIG / "fleet" / "certificates.sh"), str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def started(folder: Path, text: str, certs: Path, ports: dict[str, int], acl: str) -> BrokerProcess:
    """mosquitto with a shipped config, its files below `folder`. ports: by the ones that stand in the text."""
    folder.mkdir()
    (folder / "vedette.acl").write_text(acl)
    (folder / "vedette.acl").chmod(0o600)
    passwords = folder / "passwords"
    passwords.touch(0o600)
    for name in ("viewer", "admin"):
        command = ["mosquitto_passwd", "-b", str(passwords), name, f"{name}-word"]
        subprocess.run(command, check=True, capture_output=True, timeout=10)
    text = text.replace("/etc/mosquitto/certs", str(certs)).replace("/etc/mosquitto", str(folder))

    def command(port: int) -> list[str]:
        own = text
        for there, here in {**ports, "listener 8883": port}.items():
            assert there in own
            own = own.replace(there, f"listener {here} {HOST}" if there.startswith("listener") else f"{HOST}:{here}")
        file = folder / "mosquitto.conf"
        head = f"persistence_location {folder}/\nlog_dest stderr\nuser root\n"
        file.write_text(f"{head}{own}")
        assert MOSQUITTO is not None
        return [MOSQUITTO, "-c", str(file)]

    return BrokerProcess(command, folder / "mosquitto.log")


@dataclass
class Sites:
    """A site's broker and the central one, joined by the shipped bridge. people: the centre's port with passwords.

    line: what the bridge goes over.
    """

    certs: Path
    site: BrokerProcess
    centre: BrokerProcess
    people: int
    line: Proxy
    listening: list[Subscriber] = field(default_factory=list)

    def device(self, name: str) -> MqttConfig:
        assert not certificates(self.certs, "device", name).returncode
        own = TlsConfig(*(str(self.certs / file) for file in ("ca.pem", f"{name}.pem", f"{name}.key")))
        return MqttConfig(host=HOST, port=self.site.port, tls_enabled=True, tls=own, prefix=SITE)

    def person(self, name: str, topics: list[str], take: Callable[[Message], None]) -> Subscriber:
        tls = TlsConfig(str(self.certs / "ca.pem"))
        endpoint = Endpoint(HOST, self.people, name, Secret(f"{name}-word"), tls)
        found = Subscriber(endpoint, topics, take)
        self.listening.append(found)
        found.start()
        return found


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    if MOSQUITTO is None or shutil.which("mosquitto_passwd") is None:
        pytest.skip(MOSQUITTO_MISSING)
    folder = tmp_path_factory.mktemp("sites")
    certs = folder / "certs"
    for words in (("ca",), ("server", HOST, "centre.example"), ("device", SITE)):
        made = certificates(certs, *words)
        assert made.returncode == 0, made.stderr
    people = free_port()
    ports = {"listener 8884": people}
    acl = (CONFIG / "fleet/central.acl").read_text()
    centre = started(folder / "centre", (CONFIG / "fleet/central.conf").read_text(), certs, ports, acl)
    text = f"{(CONFIG / 'mosquitto/mosquitto.conf').read_text()}\n{(CONFIG / 'fleet/bridge.conf').read_text()}"
    # As docs/fleet.md says: a site whose devices have a prefix has it in its rules, too.
    acl = (CONFIG / "mosquitto/vedette.acl").read_text().replace(" vedette/1/", f" {SITE}/vedette/1/")
    line = Proxy(centre.port)
    ports = {"listener 8884": free_port(), "centre.example:8883": line.port}
    site = started(folder / "site", text, certs, ports, acl)
    yield Sites(certs, site, centre, people, line)
    site.kill()
    line.stop()
    centre.kill()


@pytest.fixture
def device(sites: Sites, tmp_path: Path) -> Iterator[tuple[Simulated, Publisher, Outbox, list[Message]]]:
    """A device of the site with an outbox, on the project's own publisher."""
    simulated = Simulated(random.randrange(100_000), SITE)
    name, heard = simulated.topics.device, []
    publisher = Publisher(sites.device(name), name, listen=(simulated.topics.command(),), on_message=heard.append)
    outbox = Outbox(OutboxConfig(), name, simulated.topics, publisher, tmp_path)
    publisher.start()
    outbox.start()
    for topic, payload in simulated.retained().items():
        publisher.retain(topic, payload)
    wait_for(lambda: publisher.connected, why=str(publisher.last_error))
    yield simulated, publisher, outbox, heard
    outbox.finish(1.0)
    publisher.stop(1.0)
    outbox.stop(1.0)
    for person in sites.listening:
        person.stop()
    sites.listening.clear()


def latest(heard: list[Message]) -> dict[str, bytes]:
    return {message.topic: message.payload for message in heard}


def test_what_a_device_says_at_its_site_is_heard_in_the_centre(
    sites: Sites, device: tuple[Simulated, Publisher, Outbox, list[Message]]
) -> None:
    simulated, _, outbox, _ = device
    heard: list[Message] = []
    sites.person("viewer", [f"{SITE}/#"], heard.append)
    topics = simulated.topics
    outbox.put(camera_status_event("yard", "offline", "no answer", time.time(), synced=True))
    wait_for(lambda: {topics.events, topics.status, topics.summary} <= set(latest(heard)))
    assert latest(heard)[topics.status] == b"online"
    assert json.loads(latest(heard)[topics.summary])["boot_id"] == simulated.boot_id
    assert latest(heard)[f"{SITE}/vedette/bridge"] == b"1"
    assert not any("/count/" in topic for topic in latest(heard)), "left out on purpose"
    bridged = [m for m in heard if m.topic != f"{SITE}/vedette/bridge"]
    assert [fault for m in bridged if (fault := violation(m, expires=True))] == [], "expiry and all have come over"
    late: list[Message] = []
    sites.person("viewer", [topics.status], late.append)
    wait_for(lambda: late)
    assert late[0].retain, "and it is kept there"


def test_a_command_goes_the_other_way_and_its_answer_comes_back(
    sites: Sites, device: tuple[Simulated, Publisher, Outbox, list[Message]]
) -> None:
    simulated, publisher, _, heard = device
    answers: list[Message] = []
    topic = f"{simulated.topics.replies}/me"
    admin = sites.person("admin", [topic, simulated.topics.log], answers.append)
    ping = simulated.topics.command("ping")
    wait_for(lambda: admin.publish(ping, b"{}", response_topic=topic, correlation=b"7"))
    wait_for(lambda: heard)
    time.sleep(0.3)
    assert [(m.topic, m.response_topic, m.correlation) for m in heard] == [(ping, topic, b"7")]
    publisher.reply(topic, b'{"status": "ok", "error": null, "data": null, "took_ms": 1.0}', b"7")
    publisher.send(simulated.topics.log, b'{"lines": [], "dropped": 0}', 60.0)
    wait_for(lambda: len(answers) == 2)
    assert {(m.topic, m.correlation) for m in answers} == {(topic, b"7"), (simulated.topics.log, None)}
    assert all(0 < (m.expiry or 0) <= 60 for m in answers)


def test_an_outage_of_the_centre_loses_no_event_and_leaves_no_old_state(
    sites: Sites, device: tuple[Simulated, Publisher, Outbox, list[Message]]
) -> None:
    """The bridge keeps its queue in memory: this says nothing of a site's broker that dies meanwhile.

    Those who listen in the centre have no sessions there: what it has confirmed is told before it goes down, and the
    bridge comes back only when they are there again.
    """
    simulated, publisher, outbox, heard_below = device
    topics, hot = simulated.topics, simulated.topics.alert("thermal", "device")
    publisher.retain(hot, payloads.alert("warning", 0.0, "hot", "give it air"))
    heard: list[Message] = []
    last = Topics(SITE, "nobody").command("ping")
    viewer = sites.person("viewer", [topics.events, hot, last], heard.append)
    wait_for(lambda: latest(heard).get(hot))
    sent = 0
    for n in range(400):
        if n == 50:
            sites.line.refuse()
            assert viewer.publish(last, b"{}")
            wait_for(lambda: last in latest(heard), why="what the centre has taken is not told")
            sites.centre.kill()
            publisher.retain(hot, payloads.CLEAR)
            down_until = time.monotonic() + OUTAGE_S
        outbox.put(camera_status_event("yard", "stalled" if n % 2 else "online", None, time.time(), synced=True))
        sent += 1
        time.sleep(0.005)
    time.sleep(max(0.0, down_until - time.monotonic()))
    sites.centre.start()
    wait_for(lambda: viewer.error is None, 20, str(viewer.error))
    sites.line.accept()

    def numbers() -> list[int]:
        return [json.loads(m.payload)["seq"] for m in heard if m.topic == topics.events]

    wait_for(lambda: len(set(numbers())) == sent, 75, lambda: f"{len(set(numbers()))} of {sent}")
    first = list(dict.fromkeys(numbers()))
    assert first == sorted(first)
    wait_for(lambda: latest(heard).get(hot) == b"", why="an alert that is over still stands in the centre")
    late: list[Message] = []
    sites.person("viewer", [hot, topics.status], late.append)
    wait_for(lambda: late)
    time.sleep(0.3)
    assert latest(late) == {topics.status: b"online"}
    assert heard_below == []


def test_a_site_that_is_cut_off_is_unknown_in_the_centre(
    sites: Sites,
    device: tuple[Simulated, Publisher, Outbox, list[Message]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = f"{SITE}/{device[0].topics.device}"
    monkeypatch.setenv("VEDETTE_SECRET_MQTT_PASSWORD", "viewer-word")

    def listed() -> dict[str, Any]:
        url, ca = f"mqtts://{HOST}:{sites.people}", str(sites.certs / "ca.pem")
        main(["fleet", "--broker", url, "--ca", ca, "--username", "viewer", "--prefix", "+", "--json"])
        rows: dict[str, Any] = {row["device"]: row for row in json.loads(capsys.readouterr().out)["devices"]}
        return rows.get(name, {"state": None})

    wait_for(lambda: listed()["state"] == "online", 40)
    sites.site.kill()
    wait_for(lambda: listed()["state"] == "unknown", 40)
    assert listed()["notes"] == [f"the bridge of {SITE} is down: what it last said"]
    sites.site.start()
    wait_for(lambda: listed()["state"] == "online", 40)


@pytest.mark.parametrize("name", ["site-b", None])
def test_nobody_writes_for_another_site(sites: Sites, name: str | None) -> None:
    if name is None:
        tls = TlsConfig(str(sites.certs / "ca.pem"))
    else:
        certificates(sites.certs, "device", name)
        tls = TlsConfig(*(str(sites.certs / file) for file in ("ca.pem", f"{name}.pem", f"{name}.key")))
    stranger = Publisher(MqttConfig(host=HOST, port=sites.centre.port, tls_enabled=True, tls=tls), "stranger")
    stranger.start()
    lie = f"{SITE}/vedette/1/gate/status"
    stranger.retain(lie, b"offline")
    if name is None:
        wait_for(lambda: stranger.fault is not None and stranger.fault.kind == "tls")
    else:
        wait_for(lambda: lie in stranger.refused)
    stranger.stop(1.0)


def test_the_script_for_certificates(tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    assert "no CA" in certificates(folder, "device", "gate").stderr
    assert certificates(folder, "ca").returncode == 0
    for words, text in (
        (("ca",), "is there already"),
        (("device", "Gate!"), "is no id"),
        (("device", "all"), "is no id"),
        (("device", "x" * 33), "32 characters"),
        (("device",), "name it"),
        (("weather",), "none of ca, server, device"),
    ):
        found = certificates(folder, *words)
        assert found.returncode == 2
        assert text in found.stderr
    assert certificates(folder, "device", "gate").returncode == 0
    assert "is there already" in certificates(folder, "device", "gate").stderr
    assert {stat.S_IMODE(key.stat().st_mode) for key in folder.glob("*.key")} == {0o600}
    verify = ["openssl", "verify", "-CAfile", str(folder / "ca.pem"), "-purpose", "sslclient", str(folder / "gate.pem")]
    assert subprocess.run(verify, capture_output=True, check=False, timeout=10).returncode == 0
