"""Passwords, rules and certificates: what the operator reads when a broker does not want us."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from agent.config.model import TlsConfig
from agent.config.secrets import Secret
from tests.support.audience import TOPICS, Audience
from tests.support.brokers import MOSQUITTO_MISSING, make_certificates, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.publish.mqtt import Publisher
    from tests.support.brokers import BrokerProcess

    Publish = Callable[..., Publisher]
    Start = Callable[..., BrokerProcess]

PASSWORD = "sesame-öffne-dich"


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    """A password file with the user `cam`."""
    program = shutil.which("mosquitto_passwd")
    if program is None:
        pytest.skip(MOSQUITTO_MISSING)
    path = tmp_path / "passwords"
    subprocess.run([program, "-b", "-c", str(path), "cam", PASSWORD], check=True, timeout=10)
    return path


@pytest.mark.rooted
@pytest.mark.parametrize(("username", "hint"), [("cam", "user 'cam'"), (None, "set `mqtt.username`")])
def test_a_wrong_password_is_said_once_and_never_shown(
    mosquitto_with: Start,
    passwords: Path,
    publisher: Publish,
    caplog: pytest.LogCaptureFixture,
    username: str | None,
    hint: str,
) -> None:
    broker = mosquitto_with("allow_anonymous false", f"password_file {passwords}")
    wrong = Secret("wrong-password") if username else None
    device = publisher(broker.port, username=username, password=wrong)
    wait_for(lambda: broker.log().count("not authori") >= 2, why=broker.log)
    assert hint in (device.last_error or "")
    assert len([r for r in caplog.records if r.name == "vedette.mqtt"]) == 1
    assert "wrong-password" not in caplog.text + str(device.last_error)
    assert not device.connected


@pytest.mark.rooted
def test_the_right_password_opens(
    mosquitto_with: Start, passwords: Path, publisher: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    broker = mosquitto_with("allow_anonymous false", f"password_file {passwords}")
    device = publisher(broker.port, username="cam", password=Secret(PASSWORD))
    wait_for(lambda: device.connected)
    assert device.last_error is None
    assert PASSWORD not in caplog.text


@pytest.mark.rooted
def test_a_topic_the_broker_refuses_is_named_once(
    mosquitto_with: Start, tmp_path: Path, publisher: Publish, caplog: pytest.LogCaptureFixture
) -> None:
    acl = tmp_path / "acl"
    acl.write_text(f"topic write {TOPICS.status}\n")
    broker = mosquitto_with(f"acl_file {acl}")
    device = publisher(broker.port)
    wait_for(lambda: device.connected)
    for n in range(3):
        device.retain(TOPICS.info, b"%d" % n)
        wait_for(lambda n=n: device.counters.rejected["Not authorized"] == n + 1)
    assert TOPICS.info in (device.last_error or "")
    assert caplog.text.count("rejected what we publish") == 1
    assert device.connected


@pytest.mark.rooted
@pytest.mark.parametrize(
    ("name", "trusted", "insecure", "says"),
    [
        ("localhost", True, False, None),
        ("localhost", False, True, None),
        ("localhost", False, False, "set `mqtt.tls.ca`"),
        ("elsewhere.example", True, False, "use a name in `mqtt.url`"),
    ],
)
def test_tls_is_checked(
    mosquitto_with: Start,
    tmp_path: Path,
    publisher: Publish,
    name: str,
    trusted: bool,
    insecure: bool,
    says: str | None,
) -> None:
    make_certificates(tmp_path, name)
    broker = mosquitto_with(f"certfile {tmp_path}/server.pem", f"keyfile {tmp_path}/server.key")
    ca = str(tmp_path / "ca.pem") if trusted else None
    device = publisher(broker.port, host="localhost", tls_enabled=True, tls=TlsConfig(ca=ca, insecure=insecure))
    if says is None:
        wait_for(lambda: device.connected, why=str(device.last_error))
    else:
        wait_for(lambda: device.last_error)
        assert says in (device.last_error or "")
        assert not device.connected


@pytest.mark.rooted
def test_tls_files_and_ports_that_do_not_fit_are_named(
    mosquitto: BrokerProcess, tmp_path: Path, publisher: Publish
) -> None:
    missing = str(tmp_path / "none.pem")
    no_ca = publisher(mosquitto.port, tls_enabled=True, tls=TlsConfig(ca=missing))
    no_cert = publisher(mosquitto.port, tls_enabled=True, tls=TlsConfig(cert=missing))
    plain = publisher(mosquitto.port, tls_enabled=True)
    wait_for(lambda: no_ca.last_error and no_cert.last_error and plain.last_error)
    assert (
        no_ca.last_error
        == f"`mqtt.tls.ca` {missing} cannot be used (No such file or directory): give a readable PEM file"
    )
    assert f"`mqtt.tls.cert` {missing}" in (no_cert.last_error or "")
    assert "speaks TLS" in (plain.last_error or "")


@pytest.mark.rooted
@pytest.mark.made_up
def test_a_retained_value_larger_than_the_broker_takes_is_named_and_silences_nothing(
    mosquitto_with: Start, listen: Callable[[BrokerProcess], Audience], publisher: Publish
) -> None:
    """As a document of Home Assistant may be, of many labels and zones."""
    broker = mosquitto_with("max_packet_size 2000")
    audience = listen(broker)
    device = publisher(broker.port)
    large = TOPICS.config_status
    device.retain(large, bytes(120_000))
    device.retain(TOPICS.info, b"{}")
    wait_for(lambda: device.connected)
    assert device.refused == {large: "Packet too large"}
    assert "max_packet_size" in (device.last_error or "")
    device.retain(large, b"{}")
    wait_for(lambda: (large, b"{}") in audience.heard())
    wait_for(lambda: not device.refused and device.last_error is None)
    assert (TOPICS.info, b"{}") in audience.heard()
    assert device.counters.reconnects == 0
