"""A broker that wants a certificate of us: which it takes, and what is said of those it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.config.model import TlsConfig
from agent.publish.certificates import expiry
from agent.publish.endpoint import Endpoint
from agent.publish.link import MQTT5, Link
from tests.support.brokers import HOST, make_ca, make_certificates, sign_client, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.publish.mqtt import Publisher
    from tests.support.brokers import BrokerProcess

    Publish = Callable[..., Publisher]

pytestmark = pytest.mark.rooted

REFUSES = "refuses our client certificate"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Certificates by name: right, expired, and one of a CA that the broker does not know."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder, HOST)
    make_ca(folder, "foreign")
    sign_client(folder, "right")
    sign_client(folder, "expired", days=0)  # OpenSSL 3.5 refuses to make one that ends before it begins
    sign_client(folder, "stranger", ca="foreign")
    return folder


@pytest.mark.parametrize("version", ["tlsv1.2", "tlsv1.3"])
@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("right", None),
        ("expired", f"{REFUSES}, for it has expired: renew `mqtt.tls.cert`"),
        ("stranger", f"{REFUSES}, for it does not know the CA that signed it"),
        ("", "client certificate"),
    ],
)
def test_a_certificate_that_is_refused_is_named_with_the_cause(
    mosquitto_with: Callable[..., BrokerProcess],
    files: Path,
    publisher: Publish,
    version: str,
    name: str,
    cause: str | None,
) -> None:
    """With TLS 1.3 the refusal comes after the handshake, when a client has long begun to talk."""
    server = [f"cafile {files}/ca.pem", f"certfile {files}/server.pem", f"keyfile {files}/server.key"]
    broker = mosquitto_with(*server, "require_certificate true", f"tls_version {version}")
    own = (f"{files}/{name}.pem", f"{files}/{name}.key") if name else (None, None)
    device = publisher(broker.port, tls_enabled=True, tls=TlsConfig(f"{files}/ca.pem", *own))
    if cause is None:
        wait_for(lambda: device.connected, why=str(device.last_error))
        assert device.broker_expires is not None
        return
    wait_for(lambda: device.fault, why=broker.log)
    assert device.fault is not None
    assert device.fault.kind == "tls", device.fault
    assert cause in device.fault.text
    assert "`mqtt.tls.cert`" in device.fault.text
    assert not device.connected


def test_a_key_that_is_not_the_certificates_is_named(
    mosquitto_with: Callable[..., BrokerProcess], files: Path, publisher: Publish
) -> None:
    broker = mosquitto_with(f"certfile {files}/server.pem", f"keyfile {files}/server.key")
    mixed = TlsConfig(f"{files}/ca.pem", f"{files}/right.pem", f"{files}/stranger.key")
    device = publisher(broker.port, tls_enabled=True, tls=mixed)
    wait_for(lambda: device.fault)
    assert f"`mqtt.tls.key` {files}/stranger.key cannot be used" in (device.last_error or "")


def test_when_the_broker_s_certificate_expires_may_be_asked_while_the_connection_ends(
    mosquitto_with: Callable[..., BrokerProcess], files: Path
) -> None:
    """The main thread asks once a second, and the network thread closes when it must."""
    broker = mosquitto_with(f"certfile {files}/server.pem", f"keyfile {files}/server.key")
    link = Link(Endpoint(HOST, broker.port, tls=TlsConfig(f"{files}/ca.pem")), "asked", MQTT5)
    link.open(lambda: False)
    known = link.expires
    link.abort()
    assert link.expires == known == expiry((files / "server.pem").read_text())
