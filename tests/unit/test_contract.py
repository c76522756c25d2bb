"""What `asyncapi.yaml` does not describe is noticed, and told in words."""

from __future__ import annotations

from typing import Any

import pytest

from agent.publish import events, payloads
from agent.publish.commands.call import Caller, Outcome, reply
from agent.publish.message import Message
from agent.publish.topics import Topics
from tests.support.contract import reply_violation, violation

TOPICS = Topics("", "gate")
GOOD = b'{"count": 1, "stale": false, "at": "2026-11-24T09:11:30.587Z"}'
STARTED = events.agent_started_event("1", "b", None, (), 1.7e9, synced=True)
EVENT = events.event_message(STARTED, events.Numbered("3c", 1), "gate")


def said(topic: str, payload: bytes, *, qos: int = 0, retain: bool = False, expiry: int | None = None) -> str | None:
    return violation(Message(topic, payload, qos, retain, expiry, 0.0))


def test_what_is_over_is_empty() -> None:
    for topic in (TOPICS.alert("x", "device"), TOPICS.engine_status("e"), TOPICS.count("yard", "all"), TOPICS.info):
        assert said(topic, payloads.CLEAR, qos=1) is None
    assert said(TOPICS.camera_snapshot("yard"), payloads.CLEAR) is None
    assert "JSON" in str(said(TOPICS.info, b"NaN", qos=1))


@pytest.mark.parametrize(
    ("topic", "payload", "options", "reason"),
    [
        ("site/a/vedette/1/gate/cam/yard/colour", b"1", {}, "no such channel"),
        (TOPICS.replies, b"1", {}, "no such channel"),
        (TOPICS.status, b"on", {"qos": 1}, "'on' is not one of"),
        (TOPICS.status, b"online", {}, "QoS 0, not 1"),
        (TOPICS.log, b'{"lines": [], "dropped": 0}', {"qos": 1}, "QoS 1, not 0"),
        (TOPICS.events, b'{"specversion": "1.0"}', {"qos": 1}, "is a required property"),
        (TOPICS.events, EVENT.replace(b"started", b"ended"), {"qos": 1}, "vedette.agent"),
        (TOPICS.events, EVENT.replace(b'"3c-1"', b'"3c-2"'), {"qos": 1}, "id 3c-2 is not 3c-1"),
        (TOPICS.events, EVENT.replace(b"2023-11-14", b"2023-14-11"), {"qos": 1}, "no CloudEvent"),
        (TOPICS.count("yard", "all"), GOOD.replace(b"1", b"-1", 1), {"qos": 1}, "$.count"),
        (TOPICS.count("yard", "all"), GOOD.replace(b".587", b""), {"qos": 1}, "$.at"),
        (TOPICS.count("yard", "all"), GOOD.replace(b"count", b"number"), {"qos": 1}, "number"),
        (TOPICS.events, b"", {"qos": 1}, "Expecting value"),
        (TOPICS.count("yard", "all"), GOOD, {"qos": 1, "expiry": 9}, "expires in 9 s, not in None"),
        (TOPICS.detections("yard"), b"{}", {"expiry": 60}, "expires in 60 s, not in 5"),
        (TOPICS.health, b"{}", {"retain": True}, "is retained"),
        (TOPICS.camera_snapshot("yard"), b"GIF89a", {}, "no JPEG"),
    ],
)
def test_what_is_not_described_is_noticed(topic: str, payload: bytes, options: dict[str, Any], reason: str) -> None:
    fault = said(topic, payload, **options)
    assert fault is not None
    assert reason in fault
    assert repr(payload[:400]) in fault


def test_an_expiry_that_is_missing_is_noticed_where_it_could_be_told() -> None:
    message = Message(TOPICS.log, b'{"lines": [], "dropped": 0}', 0, False, None, 0.0)
    assert violation(message) is None
    assert "never expires" in str(violation(message, expires=True))


@pytest.mark.parametrize(
    ("command", "outcome", "reason"),
    [
        ("ping", Outcome("ok", {"uptime": 1.0}), "is a required property"),
        ("ping", Outcome("ok", None, ("code", "text")), "$.error"),
        ("restart", Outcome("accepted", {"at": 1}), "$.data"),
        ("nonsense", Outcome("ok", {}), "$"),
        ("log.level", Outcome("rejected", None, ("Not a word", "text")), "$.error.code"),
    ],
)
def test_an_answer_is_one_to_its_command(command: str, outcome: Outcome, reason: str) -> None:
    assert reason in str(reply_violation(command, reply(outcome, Caller(), 1.0)))
    refused = Outcome("rejected", None, ("not_allowed", "text"))
    assert reply_violation(command, reply(refused, Caller(transaction=[1, {}]), 1.0)) is None


def test_others_may_say_what_they_want() -> None:
    assert said("homeassistant/device/x/config", b"1") is None
    assert said("a/" + TOPICS.command("ping"), b"not JSON", retain=True) is None
