"""A session with the broker: what is granted proves nothing, what arrives does."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from agent.publish.endpoint import Endpoint
from agent.publish.faults import REFUSED_FROM, LinkError
from agent.publish.link import MQTT5
from agent.publish.opening import open_link
from agent.publish.payloads import encode
from agent.publish.topics import Topics
from agent.tools.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.model import Config
    from agent.publish.link import Link
    from agent.publish.message import Message

ANSWER_S = 3.0
WINDOW = 20
"""Unacknowledged messages with which the outbox drains at full speed."""
_SMALL = 64_000
"""Bytes of a packet, without pictures: what the discovery document of a camera with many zones takes."""


class Session:
    """One client. client_id: never the device's own while a daemon may run, for it would lose its place."""

    def __init__(self, client_id: str | None = None) -> None:
        self._client_id = client_id or f"vedette-doctor-{secrets.token_hex(4)}"
        self._heard: list[Message] = []

    def findings(self, config: Config) -> Iterator[Finding]:
        """Login, limits, whether this device may write, and whether its commands arrive."""
        try:
            link = open_link(Endpoint.of(config.mqtt), self._client_id, self._heard.append)
        except LinkError as error:
            finding = Finding.of("login", error.fault)
            yield Finding("login", "failed", f"{finding.text}, as client {self._client_id}", finding.fix)
            return
        version = "MQTT 5" if link.version == MQTT5 else "MQTT 3.1.1"
        yield Finding("login", "ok", f"accepted, {version}, as client {self._client_id}")
        topics = Topics(config.mqtt.prefix, config.device)
        try:
            yield from limits(link, config)
            yield from self._writing(link, topics)
            yield from self._commands(link, topics)
        finally:
            link.close(1.0)
        text = "brokers do not report whether they keep messages for disconnected subscribers over their own restart"
        yield Finding(
            "persistence", "skipped", text, "make sure it does (mosquitto: persistence true, autosave_interval 60)"
        )

    def _writing(self, link: Link, topics: Topics) -> Iterator[Finding]:
        """An answer that nobody asked for: the one kind of message that means nothing to anybody."""
        topic = f"{topics.replies}/{self._client_id}"
        body: dict[str, object] = {"status": "ok", "error": None, "data": {}, "took_ms": 0.0}
        refused = _answer(link, link.publish(topic, encode(body), qos=1, retain=False, expiry=10))
        if refused is not None:
            fix = f"let this user write {topics.root}/# (the broker's ACL){self._by_id()}"
            yield Finding("publish", "failed", f"publishing to {topic} is refused ({refused})", fix)
        elif link.version == MQTT5:
            yield Finding("publish", "ok", f"the broker takes what is published below {topics.root}/")
        else:
            text = "the broker took a message, but with MQTT 3.1.1 it cannot report one that it refuses and drops"
            yield Finding("publish", "skipped", text, "see the next line, or use a broker of MQTT 5")

    def _commands(self, link: Link, topics: Topics) -> Iterator[Finding]:
        """A `ping` to ourselves. A running daemon hears it too; that harms nothing."""
        everything, topic, word = topics.command(), topics.command("ping"), secrets.token_hex(8)
        let = f"let this user read {topics.command('#')} (the broker's ACL){self._by_id()}"
        refused = _answer(link, link.subscribe([everything], qos=1))
        if refused is not None:
            yield Finding("commands", "failed", f"the subscription to {everything} is refused ({refused})", let)
            return
        ping = link.publish(topic, encode({"transaction": word}), qos=1, retain=False, expiry=10)
        refused = _answer(link, ping)
        if refused is not None:
            text = (
                f"not proven: {everything} is granted, which proves nothing, and this user may not send itself a"
                f" command ({refused})"
            )
            fix = f"as somebody who may: `vedette tail {topics.device}`, which shows something only if commands arrive"
            yield Finding("commands", "skipped", text, fix)
            return
        deadline = time.monotonic() + ANSWER_S
        while not self._came(word) and time.monotonic() < deadline:
            link.loop(0.1)
        if self._came(word):
            yield Finding("commands", "ok", f"what is published to {topic} arrives")
        elif link.version == MQTT5:
            text = f"the broker granted the subscription to {everything}, took a ping, and did not deliver it"
            yield Finding("commands", "failed", text, let)
        else:
            text = f"a ping to {topic} did not arrive; MQTT 3.1.1 does not tell whether writing or reading is refused"
            yield Finding("commands", "warning", text, f"{let}, and write {topics.root}/#")

    def _came(self, word: str) -> bool:
        return any(word.encode() in message.payload for message in self._heard)

    def _by_id(self) -> str:
        return f"; if its rules go by client id, stop vedette and give --client-id: this was {self._client_id}"


def limits(link: Link, config: Config) -> Iterator[Finding]:
    """What the broker said of itself as it accepted us; MQTT 5 only."""
    if link.version != MQTT5:
        yield Finding("limits", "skipped", "a broker of MQTT 3.1.1 does not tell its limits")
        return
    pictures = [camera.snapshots.max_kb * 1000 + 1000 for camera in config.cameras if camera.snapshots.enabled]
    needed = max([_SMALL, *pictures])
    found = []
    if link.best_qos < 1:
        found.append(Finding("limits", "failed", "the broker takes only QoS 0", "allow QoS 1 there"))
    if not link.retains:
        found.append(Finding("limits", "failed", "the broker keeps no retained messages", "allow them there"))
    if link.largest is not None and link.largest < needed:
        text = f"messages of more than {link.largest} bytes are refused; {needed} may be needed"
        fix = "raise the broker's limit (mosquitto: max_packet_size), or lower snapshots.max_kb"
        found.append(Finding("limits", "warning", text, fix))
    if link.window is not None and link.window < WINDOW:
        text = f"the broker wants at most {link.window} unacknowledged messages: after an outage events come slowly"
        found.append(Finding("limits", "warning", text, "raise it to 20 (mosquitto: max_inflight_messages)"))
    size = f"{link.largest} bytes" if link.largest is not None else "any size"
    window = f"{link.window} at a time" if link.window is not None else "any number at a time"
    yield from found or [Finding("limits", "ok", f"retained messages, QoS 1, {size}, {window}")]


def _answer(link: Link, mid: int | None) -> str | None:
    """Why a request was refused; None if it was not."""
    deadline = time.monotonic() + ANSWER_S
    while time.monotonic() < deadline:
        alive = link.loop(0.1)
        for answer in link.answers():
            if answer.mid == mid:
                return answer.name if answer.reason >= REFUSED_FROM else None
        if not alive:
            return link.closed_by().text
    return f"no answer within {ANSWER_S:g} s"
