"""`asyncapi.yaml` is sound, has every topic, and says of each payload what the code makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent.config.model import Command
from agent.publish import counts, events, payloads
from agent.publish.commands.arguments import ARGUMENTS
from agent.publish.commands.request import COMMANDS, understand
from agent.publish.message import Message
from agent.publish.topics import Topics
from tests.support import mqtt_docs
from tests.support.contract import channel_of, channels, document, resolve, validator, violation

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TOPICS = Topics("", "gate")
EVERY = {
    "status": TOPICS.status,
    "info": TOPICS.info,
    "health": TOPICS.health,
    "alert": TOPICS.alert("disk-full", "device"),
    "cameraStatus": TOPICS.camera_status("yard"),
    "cameraState": TOPICS.camera_state("yard"),
    "engineStatus": TOPICS.engine_status("openvino-person"),
    "detections": TOPICS.detections("yard"),
    "events": TOPICS.events,
    "count": TOPICS.count("yard", "person"),
    "zoneCount": TOPICS.count("yard", "person", "porch"),
    "occupancy": TOPICS.occupancy("yard", "person"),
    "zoneOccupancy": TOPICS.occupancy("yard", "person", "porch"),
    "lineCount": TOPICS.line_count("yard", "door", "person"),
    "eventSnapshot": TOPICS.snapshot("3c9e-7"),
    "cameraSnapshot": TOPICS.camera_snapshot("yard"),
    "configStatus": TOPICS.config_status,
    "log": TOPICS.log,
    "reply": f"{TOPICS.replies}/me/and/more",
    "command": TOPICS.command("ping"),
}


def said(topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> str | None:
    return violation(Message(topic, payload, qos, retain, None, 0.0))


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from nodes(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from nodes(inner)


def test_each_topic_has_one_channel_and_each_channel_its_topic() -> None:
    assert {channel.name for channel in channels()} == set(EVERY)
    for name, topic in EVERY.items():
        assert [channel.name for channel in channels() if channel.pattern.fullmatch(topic)] == [name]
        assert channel_of(topic) is not None
    assert said("site/a/vedette/1/gate/cam/yard/colour", b"1") == "vedette/1/gate/cam/yard/colour: no such channel"


def test_every_reference_leads_somewhere_and_every_part_is_used() -> None:
    references = {node["$ref"] for node in nodes(document()) if "$ref" in node}
    for reference in references:
        assert resolve({"$ref": reference})
    for kind, parts in document()["components"].items():
        assert {f"#/components/{kind}/{name}" for name in parts} <= references, kind
    for name, channel in document()["channels"].items():
        assert channel["description"], name
        named = {part[1:-1] for part in channel["address"].split("/") if part.startswith("{")}
        assert set(channel["parameters"]) == named
    operations = [operation["channel"]["$ref"] for operation in document()["operations"].values()]
    assert sorted(operations) == sorted(f"#/channels/{name}" for name in EVERY)


@pytest.mark.parametrize("name", sorted(document()["components"]["schemas"]))
def test_the_schemas_are_json_schemas(name: str) -> None:
    validator(f"/components/schemas/{name}").check_schema(document()["components"]["schemas"][name])


@pytest.mark.parametrize("name", sorted(document()["components"]["messages"]))
def test_the_examples_are_what_they_are_examples_of(name: str) -> None:
    message = document()["components"]["messages"][name]
    for example in message.get("examples", ()):
        validator(f"/components/messages/{name}/payload").validate(example["payload"])
    assert "examples" in message or message.get("contentType") in {"image/jpeg", "text/plain"}


def test_the_commands_are_those_of_the_code_with_their_arguments() -> None:
    described = document()["channels"]["command"]["messages"]
    assert set(described) == set(COMMANDS) == set(Command.__args__)
    for name, reference in described.items():
        schema = resolve(resolve(reference)["payload"])
        assert set(schema["properties"]) - {"reply_to", "transaction"} == set(ARGUMENTS[name])
        for example in resolve(reference)["examples"]:
            message = Message(TOPICS.command(name), json.dumps(example["payload"]).encode(), 1, False, None, 0.0)
            assert understand(message, TOPICS, COMMANDS, ["yard"], 0.0).refusal is None


def test_what_is_made_is_what_is_described() -> None:
    at = 1.7e9
    heard = {
        TOPICS.alert("x", "device"): payloads.alert("error", at, "text", "hint"),
        TOPICS.engine_status("e"): payloads.engine_status("failed", "b", "d", "cause", None, at),
        TOPICS.count("yard", "all"): counts.count(1, stale=True, at=at),
        TOPICS.occupancy("yard", "all", "porch"): counts.occupancy(occupied=False, stale=False, since=at),
        TOPICS.line_count("yard", "door", "all"): counts.line_count(1, 2, since=at, at=at),
    }
    for topic, payload in heard.items():
        assert said(topic, payload, qos=1, retain=True) is None
    for topic in (TOPICS.alert("x", "device"), TOPICS.engine_status("e"), TOPICS.camera_snapshot("yard")):
        assert said(topic, payloads.CLEAR) is None
    made = [
        events.gap_event(1, 2, 2, "overflow", "3c9e", at, synced=True),
        events.command_event("ping", "ok", None, {}, None, 0, at, synced=True),
        events.alert_event("x", "device", "error", "text", "hint", at, at, raised=False, synced=False),
        events.agent_started_event("0.1", "b", None, at, synced=True),
        events.camera_status_event("yard", "offline", "why", at, synced=True),
    ]
    for n, event in enumerate(made, 1):
        message = events.event_message(event, events.Numbered("3c9e", n), "gate")
        assert said(TOPICS.events, message, qos=1) is None
        assert said(TOPICS.events, events.as_historical(message), qos=1) is None


@pytest.mark.parametrize(
    ("topic", "payload", "options"),
    [
        (TOPICS.status, b"on", {}),
        (TOPICS.events, b'{"specversion": "1.0"}', {}),
        (TOPICS.count("yard", "all"), b'{"count": -1, "stale": false, "at": "2026-11-24T09:11:30.587Z"}', {}),
        (TOPICS.count("yard", "all"), b'{"count": 1, "stale": false, "at": "2026-11-24T09:11:30Z"}', {}),
        (TOPICS.count("yard", "all"), b'{"count": 1, "stale": false, "at": "2026-11-24T09:11:30.587Z", "x": 1}', {}),
        (TOPICS.count("yard", "all"), b"", {}),
        (TOPICS.health, b"{}", {"retain": True}),
        (TOPICS.log, b'{"lines": [], "dropped": 0}', {"qos": 1}),
        (TOPICS.camera_snapshot("yard"), b"GIF89a", {}),
    ],
)
def test_what_is_not_described_is_noticed(topic: str, payload: bytes, options: dict[str, Any]) -> None:
    assert said(topic, payload, **options)


def test_the_document_for_people_is_made_from_it() -> None:
    assert (ROOT / "docs/mqtt.md").read_text() == mqtt_docs.text()
