"""The broker, as the device of a config finds it: each step on the way to a command that arrives."""

from __future__ import annotations

import json
import secrets
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config.redact import redact
from agent.publish.certificates import Certificates
from agent.publish.faults import REFUSED_FROM, UNSUPPORTED_VERSION, LinkError
from agent.publish.link import MQTT5, MQTT311, Endpoint, Link
from agent.publish.payloads import encode
from agent.publish.tls import handshake
from agent.publish.topics import Topics
from agent.runtime import paths
from agent.runtime.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.model import Config
    from agent.publish.message import Message

CONNECT_S = 5.0
ANSWER_S = 3.0
_SMALL = 200_000
"""Bytes of a packet; pictures have 100 kB unless the config says otherwise."""


def broker(config: Config) -> Iterator[Finding]:
    """The findings, as they are made; a step that fails ends the way. Nothing retained is touched."""
    for step in (_settings, _reach, _tls):
        found = list(step(config))
        yield from found
        if any(finding.state == "failed" for finding in found):
            yield from _running(config)
            return
    yield from _speak(config)
    yield from _running(config)


def _settings(config: Config) -> Iterator[Finding]:
    mqtt = config.mqtt
    who = f"as {mqtt.username!r}" if mqtt.username else "with a certificate" if mqtt.tls.cert else "without a user name"
    yield Finding("config", "ok", f"{mqtt.url} {who}, device {config.device}")


def _reach(config: Config) -> Iterator[Finding]:
    host, port = config.mqtt.host, config.mqtt.port
    try:
        addresses = list(dict.fromkeys(str(a[4][0]) for a in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    except (OSError, UnicodeError) as e:
        yield Finding(
            "name", "failed", f"{host} is not found: {e}", "check the host in mqtt.url, and this device's DNS"
        )
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


def _tls(config: Config) -> Iterator[Finding]:
    mqtt = config.mqtt
    if not mqtt.tls_enabled:
        yield Finding("tls", "skipped", "plain MQTT: anybody on the way can read and change it")
        return
    try:
        handshake(mqtt.host, mqtt.port, mqtt.tls)
    except LinkError as error:
        text, _, fix = error.fault.text.rpartition(": ")
        yield Finding("tls", "failed", text, fix)
        return
    if mqtt.tls.insecure:
        yield Finding("tls", "warning", "the broker's certificate is not checked", "give mqtt.tls.ca, drop insecure")
    else:
        yield Finding("tls", "ok", "the broker is who it should be")
    for text in Certificates(mqtt).expiring(time.monotonic(), time.time(), None):
        yield Finding("certificate", "warning", text, "renew it; a running vedette takes the new files by itself")


class _Trial:
    """One connection, and what comes back over it."""

    def __init__(self, config: Config) -> None:
        self._topics = Topics(config.mqtt.prefix, config.device)
        self._config = config
        self._heard: list[Message] = []
        held = _held()
        self.client_id = f"vedette-doctor-{secrets.token_hex(4)}" if held else config.device
        self.own = not held

    def open(self) -> Link:
        """Raises LinkError."""
        endpoint = Endpoint.of(self._config.mqtt)
        link = Link(endpoint, self.client_id, MQTT5, on_message=self._heard.append)
        try:
            link.open(lambda: False)
        except LinkError as error:
            if link.refused != UNSUPPORTED_VERSION and error.fault.kind != "silent":
                raise
            link = Link(endpoint, self.client_id, MQTT311, on_message=self._heard.append)
            link.open(lambda: False)
        return link

    def round_trip(self, link: Link) -> Iterator[Finding]:
        """A `ping` to ourselves: what is granted to a subscription proves nothing, what arrives does."""
        topic, word = self._topics.command("ping"), secrets.token_hex(8)
        subscription = link.subscribe([topic], qos=1)
        refused = self._answer(link, subscription)
        if refused is not None:
            fix = f"let this user read {self._topics.command('#')}"
            yield Finding("commands", "failed", f"the subscription to {topic} is refused ({refused})", fix)
            return
        mid = link.publish(topic, encode({"transaction": word}), qos=1, retain=False, expiry=10)
        refused = self._answer(link, mid)
        if refused is not None:
            fix = f"let this user write {self._topics.root}/#"
            yield Finding("publish", "failed", f"publishing to {topic} is refused ({refused})", fix)
            return
        yield Finding("publish", "ok", "the broker takes what is published" + self._unsaid(link))
        deadline = time.monotonic() + ANSWER_S
        while time.monotonic() < deadline and not self._came(word):
            link.loop(0.1)
        if self._came(word):
            yield Finding("commands", "ok", f"what is published to {topic} arrives")
        else:
            fix = f"let this user read {self._topics.command('#')} and write {self._topics.root}/# (the broker's ACL)"
            text = f"the broker granted the subscription, and took a message, but did not deliver it ({topic})"
            yield Finding("commands", "failed", text, fix)

    @staticmethod
    def _unsaid(link: Link) -> str:
        return "" if link.version == MQTT5 else " (MQTT 3.1.1 cannot say that it does not)"

    def _answer(self, link: Link, mid: int | None) -> str | None:
        """Why a request was refused; None if it was not."""
        deadline = time.monotonic() + ANSWER_S
        while time.monotonic() < deadline:
            if not link.loop(0.1):
                return link.closed_by().text
            for answer in link.answers():
                if answer.mid == mid:
                    return answer.name if answer.reason >= REFUSED_FROM else None
        return f"no answer within {ANSWER_S:g} s"

    def _came(self, word: str) -> bool:
        return any(word.encode() in message.payload for message in self._heard)


def _speak(config: Config) -> Iterator[Finding]:
    trial = _Trial(config)
    try:
        link = trial.open()
    except LinkError as error:
        text, _, fix = error.fault.text.rpartition(": ")
        yield Finding("login", "failed", redact(text), fix)
        return
    version = "MQTT 5" if link.version == MQTT5 else "MQTT 3.1.1"
    note = (
        "" if trial.own else f"; as client {trial.client_id}, since a vedette runs here: rules by client id may differ"
    )
    yield Finding("login", "ok", f"accepted, {version}{note}")
    if link.largest is not None and link.largest < _SMALL:
        fix = "raise the broker's limit (mosquitto: max_packet_size), or lower snapshots.max_kb"
        yield Finding("limits", "warning", f"messages of more than {link.largest} bytes are refused", fix)
    yield from trial.round_trip(link)
    link.close(1.0)


def _held() -> bool:
    """Whether a daemon runs on this state directory, whose place at the broker must not be taken."""
    try:
        paths.lock(paths.state_directory()).close()
    except (paths.Held, OSError):
        return True
    return _status() is not None


def _status() -> dict[str, object] | None:
    """What the running daemon says of itself."""
    try:
        status: dict[str, object] = json.loads(Path(paths.status_file()).read_text())
    except (OSError, ValueError):
        return None
    pid = status.get("pid")
    return status if isinstance(pid, int) and paths.lives(pid) else None


def _running(config: Config) -> Iterator[Finding]:
    """What the daemon itself has met: two with one id are only seen by those who lose their place."""
    status = _status()
    if status is None:
        yield Finding("daemon", "skipped", "no vedette runs here that could say what it has met")
        return
    mqtt = status.get("mqtt")
    error = mqtt.get("last_error") if isinstance(mqtt, dict) else None
    alerts = status.get("alerts")
    told = [a for a in alerts if isinstance(a, dict)] if isinstance(alerts, list) else []
    texts = [str(a["text"]) for a in told if str(a.get("code", "")).startswith(("mqtt-", "certificate", "tls-"))]
    if error and str(error) not in texts:
        texts.append(str(error))
    for text in texts:
        yield Finding("daemon", "failed", f"the running vedette says: {text}", _fix(text, config))
    if not texts:
        yield Finding("daemon", "ok", "the running vedette has no complaint about the broker")


def _fix(text: str, config: Config) -> str:
    if "another client" in text:
        return f"find the other client that is called {config.device!r}, and give one of the two another `device`"
    return "see above"
