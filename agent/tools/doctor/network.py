"""The way to the broker below MQTT: its name, its port, and who it proves to be."""

from __future__ import annotations

import socket
import ssl
import time
from typing import TYPE_CHECKING

from agent.config.broker import loopback
from agent.publish.certificates import Certificates
from agent.publish.faults import LinkError
from agent.publish.tls import handshake, names
from agent.tools.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.model import Config

CONNECT_S = 5.0


def settings(config: Config) -> Iterator[Finding]:
    mqtt = config.mqtt
    who = f"as {mqtt.username!r}" if mqtt.username else "with a certificate" if mqtt.tls.cert else "without a user name"
    yield Finding("config", "ok", f"{mqtt.url} {who}, device {config.device}")


def reach(config: Config) -> Iterator[Finding]:
    host, port = config.mqtt.host, config.mqtt.port
    try:
        addresses = list(dict.fromkeys(str(a[4][0]) for a in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    except (OSError, UnicodeError) as e:
        fix = "check the host in mqtt.url, and this device's DNS"
        yield Finding("name", "failed", f"{host} is not found ({getattr(e, 'strerror', None) or e})", fix)
        return
    yield Finding("name", "ok", f"{host} is {', '.join(addresses)}")
    began = time.monotonic()
    try:
        socket.create_connection((host, port), CONNECT_S).close()
    except TimeoutError:
        fix = "check mqtt.url, the network, and any firewall between"
        yield Finding("reach", "failed", f"port {port} does not answer within {CONNECT_S:g} s", fix)
    except OSError as e:
        yield Finding("reach", "failed", f"port {port}: {e.strerror or e}", "start the broker, or correct mqtt.url")
    else:
        yield Finding("reach", "ok", f"port {port} is open ({1e3 * (time.monotonic() - began):.0f} ms)")


def tls(config: Config) -> Iterator[Finding]:
    mqtt = config.mqtt
    if not mqtt.tls_enabled:
        text = "plain MQTT: anybody on the way can read and change it" + (", the password too" if mqtt.password else "")
        if loopback(mqtt.host):
            yield Finding("tls", "skipped", "plain MQTT, which does not leave this machine")
        else:
            yield Finding("tls", "warning", text, "give the broker a TLS listener, and write mqtts:// in mqtt.url")
        return
    try:
        expires = handshake(mqtt.host, mqtt.port, mqtt.tls)
    except LinkError as error:
        yield _refused(config, error)
        yield from _expiring(config, None)
        return
    if mqtt.tls.insecure:
        yield Finding("tls", "warning", "the broker's certificate is not checked", "give mqtt.tls.ca, drop insecure")
    elif expires is not None:
        until = time.strftime("%Y-%m-%d", time.gmtime(expires))
        days = int((expires - time.time()) // 86400)
        yield Finding("tls", "ok", f"the broker is verified; its certificate is valid until {until} ({days} days)")
    yield from _expiring(config, expires)


def _refused(config: Config, error: LinkError) -> Finding:
    finding = Finding.of("tls", error.fault)
    try:
        held = names(config.mqtt.host, config.mqtt.port, config.mqtt.tls)
    except (LinkError, OSError, ValueError, ssl.SSLError):
        return finding
    more = f"; it is for {', '.join(held)}" if config.mqtt.host not in held else ""
    return Finding("tls", "failed", finding.text + more, finding.fix)


def _expiring(config: Config, broker: float | None) -> Iterator[Finding]:
    for text in Certificates(config.mqtt).expiring(time.monotonic(), time.time(), broker):
        yield Finding("certificate", "warning", text, "renew it; a running vedette takes new files by itself")
