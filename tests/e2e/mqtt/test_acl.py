"""The broker's config that we ship, run as it is: who may say and hear what, and what `vedette doctor` makes of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.cli import main
from agent.config.model import MqttConfig, TlsConfig
from agent.config.secrets import Secret
from agent.publish.endpoint import Endpoint
from agent.publish.mqtt import Publisher
from agent.publish.subscribe import Subscriber
from agent.publish.topics import Topics
from agent.runtime import paths
from agent.tools.doctor import session
from tests.support.audience import DEVICE, TOPICS
from tests.support.brokers import (
    HOST,
    MOSQUITTO,
    MOSQUITTO_MISSING,
    BrokerProcess,
    free_port,
    make_ca,
    make_certificates,
    sign_client,
    wait_for,
)
from tests.support.secrets import forget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.publish.message import Message

pytestmark = pytest.mark.rooted

SHIPPED = Path(__file__).parents[3] / "config" / "mosquitto"
PEOPLE = ("homeassistant", "viewer", "operator", "admin")
OTHER = Topics("", "other")
DEBIAN = "persistence true\npersistence_location {folder}/\nlog_dest stderr\n"
"""What stands in /etc/mosquitto/mosquitto.conf of Debian before it includes conf.d: some options may not come twice."""


@dataclass
class Site:
    """The shipped broker, with its files below `folder`. people: the port with passwords."""

    folder: Path
    broker: BrokerProcess
    people: int

    def tls(self, name: str | None = None, ca: str = "ca") -> TlsConfig:
        own = (None, None) if name is None else sign_client(self.folder, name, ca=ca)
        return TlsConfig(str(self.folder / "ca.pem"), *own)

    def device(self, name: str = DEVICE) -> MqttConfig:
        return MqttConfig(host=HOST, port=self.broker.port, tls_enabled=True, tls=self.tls(name))

    def person(self, name: str, topics: list[str], take: Callable[[Message], None]) -> Subscriber:
        endpoint = Endpoint(HOST, self.people, name, Secret(f"{name}-word"), self.tls())
        found = Subscriber(endpoint, topics, take)
        found.start()
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if MOSQUITTO is None or shutil.which("mosquitto_passwd") is None:
        pytest.skip(MOSQUITTO_MISSING)
    folder = tmp_path_factory.mktemp("site")
    make_certificates(folder, HOST)
    passwords = folder / "passwords"
    passwords.touch(0o600)
    for name in PEOPLE:
        command = ["mosquitto_passwd", "-b", str(passwords), name, f"{name}-word"]
        subprocess.run(command, check=True, capture_output=True, timeout=10)
    (folder / "vedette.acl").write_bytes((SHIPPED / "vedette.acl").read_bytes())
    (folder / "vedette.acl").chmod(0o600)
    people = free_port()

    def command(port: int) -> list[str]:
        text = (SHIPPED / "mosquitto.conf").read_text()
        for there, here in (
            ("/etc/mosquitto/certs", str(folder)),
            ("/etc/mosquitto", str(folder)),
            ("listener 8883", f"listener {port} {HOST}"),
            ("listener 8884", f"listener {people} {HOST}"),
        ):
            assert there in text
            text = text.replace(there, here)
        parts = folder / "conf.d"
        parts.mkdir(exist_ok=True)
        (parts / "vedette.conf").write_text(text)
        config = folder / "mosquitto.conf"
        config.write_text(f"{DEBIAN.format(folder=folder)}include_dir {parts}\nuser root\n")
        assert MOSQUITTO is not None
        return [MOSQUITTO, "-c", str(config)]

    broker = BrokerProcess(command, folder / "mosquitto.log")
    yield Site(folder, broker, people)
    broker.kill()


@pytest.fixture
def publish(site: Site) -> Iterator[Callable[..., Publisher]]:
    made: list[Publisher] = []

    def start(name: str = DEVICE, **options: object) -> Publisher:
        made.append(Publisher(site.device(name), name, **options))
        made[-1].start()
        return made[-1]

    yield start
    for each in made:
        each.stop(1.0)


def test_a_device_says_and_hears_its_own_and_nothing_of_another(site: Site, publish: Callable[..., Publisher]) -> None:
    heard: list[Message] = []
    seen: list[Message] = []
    admin = site.person("admin", ["vedette/1/#"], seen.append)
    device = publish(listen=(TOPICS.command(), OTHER.command()), on_message=heard.append)
    wait_for(lambda: device.connected, why=str(device.last_error))
    device.retain(TOPICS.info, b"{}")
    device.retain("homeassistant/device/uid/config", b"{}")
    device.retain(OTHER.info, b"a lie")
    wait_for(lambda: OTHER.info in device.refused)
    assert set(device.refused) == {OTHER.info}
    wait_for(lambda: TOPICS.info in {m.topic for m in seen})
    assert OTHER.info not in {m.topic for m in seen}
    admin.publish(OTHER.command("restart"), b"1")
    admin.publish(TOPICS.command("restart"), b"2")
    wait_for(lambda: heard)
    time.sleep(0.2)
    assert [(m.topic, m.payload) for m in heard] == [(TOPICS.command("restart"), b"2")]  # though both were granted
    admin.stop()


@pytest.mark.parametrize("entities", [False, True])
def test_either_form_of_home_assistants_discovery_may_be_written(
    mosquitto_with: Callable[..., BrokerProcess], tmp_path: Path, publisher: Callable[..., Publisher], entities: bool
) -> None:
    """The one for entities once its line is no comment any more, and that of other devices' topics never."""
    text = (SHIPPED / "vedette.acl").read_text()
    line = "pattern write homeassistant/+/+/+/config"
    assert f"#{line}" in text
    acl = tmp_path / "acl"
    acl.write_text(text.replace(f"#{line}", line) if entities else text)
    acl.chmod(0o600)
    passwords = tmp_path / "passwords"
    passwords.touch(0o600)
    command = ["mosquitto_passwd", "-b", str(passwords), DEVICE, "word"]
    subprocess.run(command, check=True, capture_output=True, timeout=10)
    broker = mosquitto_with("allow_anonymous false", f"password_file {passwords}", f"acl_file {acl}")
    device = publisher(broker.port, username=DEVICE, password=Secret("word"))
    wait_for(lambda: device.connected, why=str(device.last_error))
    topics = {"homeassistant/device/uid_yard/config", "homeassistant/sensor/uid_yard/Fps/config"}
    for topic in (*topics, "homeassistant/status"):
        device.retain(topic, b"{}")
    refused = {"homeassistant/status"} | (set() if entities else {"homeassistant/sensor/uid_yard/Fps/config"})
    wait_for(lambda: set(device.refused) == refused, why=str(device.refused))


@pytest.mark.parametrize("name", [None, "stranger"])
def test_nobody_comes_in_without_a_certificate_of_ours(site: Site, name: str | None) -> None:
    if name is not None:
        make_ca(site.folder, "foreign")
    tls = site.tls(name, "foreign")
    publisher = Publisher(MqttConfig(host=HOST, port=site.broker.port, tls_enabled=True, tls=tls), DEVICE)
    publisher.start()
    wait_for(lambda: publisher.fault is not None and publisher.fault.kind == "tls")
    assert "client certificate" in (publisher.last_error or "")
    assert not publisher.connected
    publisher.stop(1.0)


@pytest.mark.parametrize(
    ("name", "may", "may_not"),
    [
        ("viewer", "ping", "restart"),
        ("viewer", "log.tail", "camera.set"),
        ("operator", "camera.set", "config.apply"),
        ("homeassistant", "snapshot", "restart"),
        ("admin", "config.apply", None),
    ],
)
def test_people_may_order_what_their_part_is(
    site: Site, publish: Callable[..., Publisher], name: str, may: str, may_not: str | None
) -> None:
    heard: list[str] = []
    device = publish(listen=(TOPICS.command(),), on_message=lambda m: heard.append(m.topic))
    wait_for(lambda: device.connected)
    person = site.person(name, [TOPICS.status], lambda _: None)
    if may_not is not None:
        person.publish(TOPICS.command(may_not), b"")
    person.publish(TOPICS.command(may), b"")
    wait_for(lambda: heard)
    assert heard == [TOPICS.command(may)]
    person.stop()


def doctor(
    site: Site, capsys: pytest.CaptureFixture[str], mqtt: object, option: tuple[str, ...] = ("--broker",)
) -> tuple[int, dict[str, str]]:
    file = site.folder / "vedette.yaml"
    file.write_text(json.dumps({"device": DEVICE, "mqtt": mqtt, "cameras": {"yard": {"source": "rtsp://h/"}}}))
    code = main(["doctor", *option, "-c", str(file), "--json"])
    report = json.loads(capsys.readouterr().out)
    found = report["findings"]
    assert report["ok"] == (code == 0)
    assert all(finding["fix"] for finding in found if finding["state"] == "failed")
    return code, {f"{finding['what']} {finding['state']}": finding["text"] for finding in found}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setattr("agent.runtime.paths.runs", paths.lives)  # the process of the status files below is this one
    forget(monkeypatch)


def own_tls(site: Site, name: str = DEVICE) -> dict[str, str | None]:
    tls = site.tls(name)
    return {"ca": tls.ca, "cert": tls.cert, "key": tls.key}


def test_the_doctor_sees_a_command_arrive(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = doctor(site, capsys, {"url": f"mqtts://{HOST}:{site.broker.port}", "tls": own_tls(site)})
    assert code == 0, found
    assert {what for what in found if not what.startswith("clock")} == {
        "config ok",
        "name ok",
        "reach ok",
        "tls ok",
        "certificate warning",
        "login ok",
        "limits ok",
        "publish ok",
        "commands ok",
        "persistence skipped",
        "daemon skipped",
    }


def test_the_doctor_does_not_take_the_place_of_a_running_device(
    site: Site, publish: Callable[..., Publisher], capsys: pytest.CaptureFixture[str]
) -> None:
    device = publish()
    wait_for(lambda: device.connected)
    code, _ = doctor(site, capsys, {"url": f"mqtts://{HOST}:{site.broker.port}", "tls": own_tls(site)})
    assert code == 0
    assert device.connected
    assert device.counters.connects == 1


def test_the_doctor_does_not_trust_a_granted_subscription(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """A device that uses another one's certificate: the broker grants it the subscription all the same."""
    tls = own_tls(site, "other")
    code, found = doctor(site, capsys, {"url": f"mqtts://{HOST}:{site.broker.port}", "tls": tls})
    assert code == 1
    assert found["publish failed"].startswith("publishing to vedette/1/gate/reply/vedette-doctor-")
    assert "is granted, which proves nothing" in found["commands skipped"]


@pytest.mark.parametrize(
    ("rules", "code", "what", "text"),
    [
        (f"topic write {TOPICS.root}/#", 1, "commands failed", "did not deliver it"),
        (
            f"topic write {TOPICS.replies}/#\ntopic read {TOPICS.command('#')}",
            0,
            "commands skipped",
            "this user may not send itself a command",
        ),
    ],
)
def test_the_doctor_tells_what_it_proved_from_what_it_did_not(
    mosquitto_with: Callable[..., BrokerProcess],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    rules: str,
    code: int,
    what: str,
    text: str,
) -> None:
    monkeypatch.setattr(session, "ANSWER_S", 1.0)
    acl = tmp_path / "acl"
    acl.write_text(f"{rules}\n")
    acl.chmod(0o600)
    broker = mosquitto_with(f"acl_file {acl}", "max_packet_size 20000", "max_inflight_messages 3")
    site = Site(tmp_path, broker, 0)
    found = doctor(site, capsys, {"url": f"mqtt://{HOST}:{broker.port}"})
    assert found[0] == code, found
    assert text in found[1][what]
    assert "3 unacknowledged" in found[1]["limits warning"]
    assert found[1]["tls skipped"] == "plain MQTT, which does not leave this machine"


def test_the_doctor_names_each_step_that_fails(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    port, ca = site.broker.port, str(site.folder / "ca.pem")
    people = {"url": f"mqtts://{HOST}:{site.people}", "tls": {"ca": ca}}
    for mqtt, what, text in [
        ({"url": "mqtt://nowhere.invalid"}, "name failed", "is not found"),
        ({"url": f"mqtt://{HOST}:{free_port()}"}, "reach failed", "refused"),
        ({"url": f"mqtts://{HOST}:{port}"}, "tls failed", "is not accepted"),
        ({"url": f"mqtts://localhost:{port}", "tls": own_tls(site)}, "tls failed", f"it is for {HOST}"),
        ({"url": f"mqtts://{HOST}:{port}", "tls": {"ca": ca}}, "tls failed", "wants a client certificate"),
        (people, "login failed", "refused the connection"),
        (people | {"username": "viewer", "password": "wrong-word"}, "login failed", "to user 'viewer'"),
        (people | {"username": "viewer", "password": "viewer-word"}, "publish failed", "is refused"),
    ]:
        code, found = doctor(site, capsys, mqtt)
        assert code == 1
        assert text in found[what], found
        assert "-word" not in str(found)


def test_the_doctor_looks_at_what_it_is_asked_about(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = doctor(site, capsys, {"url": "mqtt://nowhere.invalid"}, ("--only", "clock", "--only", "daemon"))
    assert code == 0
    assert {what.split()[0] for what in found} == {"clock", "daemon"}


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        ({"mqtt": {"connected": True, "protocol": "MQTT 5"}}, 0, "is connected (MQTT 5), without a complaint"),
        (
            {"mqtt": {"connected": False, "last_error": "another client connected to h:1 as 'gate'"}},
            1,
            "another client connected",
        ),
        (
            {"alerts": [{"code": "certificate-expiry", "severity": "warning", "text": "it expires"}], "mqtt": {}},
            0,
            "it expires",
        ),
        ({"device": "other"}, 0, "is other, not gate"),
        ({"alerts": 3, "mqtt": 4}, 0, "not connected yet"),
    ],
)
def test_the_doctor_asks_the_running_daemon_what_only_that_can_see(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], said: dict[str, object], code: int, text: str
) -> None:
    """The status file is written here as a daemon writes it; that one writes it so, the daemon's own tests prove."""
    (tmp_path / "status.json").write_text(json.dumps({"pid": os.getpid(), "device": DEVICE} | said))
    found = doctor(site, capsys, {}, ("--only", "daemon"))
    assert found[0] == code, found
    assert any(text in seen for seen in found[1].values()), found


def test_a_camera_that_is_offline_is_no_fault_of_the_broker(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {"pid": os.getpid(), "device": DEVICE, "mqtt": {"connected": True, "protocol": 5}}
    alerts = [{"code": "camera-offline", "subject": "yard", "severity": "error", "text": "yard: no answer"}]
    (tmp_path / "status.json").write_text(json.dumps({**said, "alerts": alerts}))
    assert doctor(site, capsys, {}, ("--only", "daemon"))[0] == 1
    mqtt = {"url": f"mqtts://{HOST}:{site.broker.port}", "tls": own_tls(site)}
    code, seen = doctor(site, capsys, mqtt)
    assert "no answer" not in str(seen)
    assert "without a complaint" in seen["daemon ok"]
    assert code == 0


def test_the_doctor_prints_a_line_for_each_finding(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    file, url = site.folder / "plain.yaml", f"mqtt://{HOST}:{free_port()}"
    file.write_text(json.dumps({"device": DEVICE, "mqtt": {"url": url}, "cameras": {"yard": {"source": "rtsp://h/"}}}))
    assert main(["doctor", "--broker", "-c", str(file)]) == 1
    text = capsys.readouterr().out
    assert "\x1b" not in text, "no colours where nobody sees them"
    assert [line.split()[0] for line in text.splitlines() if url in line] == ["-"]
    assert "FAIL  reach" in text
    assert "fix: start the broker" in text


def test_the_doctor_says_what_a_broker_of_the_former_version_cannot_tell(
    amqtt_broker: BrokerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(tmp_path, amqtt_broker, 0)
    code, found = doctor(site, capsys, {"url": f"mqtt://{HOST}:{amqtt_broker.port}"})
    assert code == 0, found
    assert "MQTT 3.1.1" in found["login ok"]
    assert "cannot report one that it refuses" in found["publish skipped"]
    assert "limits skipped" in found
    assert "commands ok" in found
