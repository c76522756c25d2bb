"""`asyncapi.yaml` is sound, has every topic and every command, and is what `docs/mqtt.md` is made from."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.model import Command
from agent.publish.commands.arguments import ARGUMENTS
from agent.publish.commands.request import COMMANDS, understand
from agent.publish.message import Message
from agent.publish.topics import Topics
from tests.support import mqtt_docs
from tests.support.asyncapi import channel_of, channels, document, operations_of, resolve, validator, with_traits
from tests.support.contract import OURS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TOPICS = Topics("", "gate")
BELOW = {
    "count": {"count": ("yard", "person"), "zoneCount": ("yard", "person", "porch")},
    "occupancy": {"occupancy": ("yard", "person"), "zoneOccupancy": ("yard", "person", "porch")},
}
"""Methods of Topics that make topics of more than one channel: channel and arguments."""
NAMES = {
    "camera_status": "cameraStatus",
    "camera_state": "cameraState",
    "engine_status": "engineStatus",
    "config_status": "configStatus",
    "line_count": "lineCount",
    "snapshot": "eventSnapshot",
    "camera_snapshot": "cameraSnapshot",
    "command": "command",
    "replies": "reply",
}
"""Channels by the names that Topics has for them, where these differ."""
MQTT = {"qos", "retain", "messageExpiryInterval", "bindingVersion"}
IDS = st.from_regex(r"[a-z0-9_-]{1,32}", fullmatch=True)
OWN = {"x-allowed", "x-durability", "x-expiry", "x-ordering"}


def topics_of(topics: Topics, *levels: str) -> dict[str, str]:
    """Every topic that Topics makes, by channel. levels: for cameras, labels and so on, as many as are wanted."""
    found: dict[str, str] = {}
    for name, member in inspect.getmembers(Topics):
        if name.startswith("_") or name in {"prefix", "device", "root"}:
            continue
        if name in BELOW:
            for channel, arguments in BELOW[name].items():
                found[channel] = getattr(topics, name)(*(levels * 3)[: len(arguments)] if levels else arguments)
        elif isinstance(member, property):
            found[NAMES.get(name, name)] = getattr(topics, name)
        else:
            wanted = len(inspect.signature(member).parameters) - 1
            found[NAMES.get(name, name)] = getattr(topics, name)(*((levels or ("x",)) * wanted)[:wanted])
    found["reply"] += "/me/and/more"
    return found


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from nodes(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from nodes(inner)


def test_each_topic_has_one_channel_and_each_channel_its_topic() -> None:
    made = topics_of(TOPICS)
    assert set(made) == {channel.name for channel in channels()}
    for name, topic in made.items():
        assert [channel.name for channel in channels() if channel.pattern.fullmatch(topic)] == [name]


@given(device=IDS, prefix=st.sampled_from(["", "site", "a/b"]), levels=st.lists(IDS, min_size=3, max_size=3))
def test_ids_do_not_lead_to_another_channel(device: str, prefix: str, levels: list[str]) -> None:
    for name, topic in topics_of(Topics(prefix, device), *levels).items():
        match = OURS.search(topic)
        assert match is not None
        found = channel_of(match["own"])
        assert found is not None
        assert found.name == name


def test_what_is_retained_may_be_emptied_and_nothing_else() -> None:
    for channel in channels():
        assert bool({"cleared", "gone"} & set(channel.messages)) is channel.retain, channel.name


def test_every_reference_leads_somewhere_and_every_part_is_used() -> None:
    """A word beside a `$ref` is not read by tools of JSON Schema before 2019-09, which AsyncAPI's are."""
    references = set()
    for node in nodes(document()):
        if isinstance(node.get("$ref"), str):
            assert set(node) == {"$ref"}
            assert resolve(node)
            references.add(node["$ref"])
    for kind, parts in document()["components"].items():
        assert {f"#/components/{kind}/{name}" for name in parts} <= references, kind


def test_the_structure_is_that_of_asyncapi_3() -> None:
    """As far as it matters to us; the schema of AsyncAPI itself is on no package index we use."""
    about = document()
    assert about["asyncapi"] == "3.0.0"
    assert set(about) == {"asyncapi", "info", "defaultContentType", "servers", "channels", "operations", "components"}
    for name, channel in about["channels"].items():
        assert set(channel) == {"address", "description", "parameters", "messages"}
        assert set(channel["parameters"]) == set(re.findall(r"\{(\w+)\}", channel["address"])), name
        assert operations_of(name), name
    for name, operation in about["operations"].items():
        own = f"{operation['channel']['$ref']}/messages/"
        assert operation["action"] in {"send", "receive"}
        assert set(operation) <= {"action", "channel", "messages", "traits", "bindings", "reply"} | OWN
        assert all(message["$ref"].startswith(own) for message in operation.get("messages", ())), name
        whole = with_traits(operation)
        assert {"qos", "retain", "bindingVersion"} <= set(whole["bindings"]["mqtt"]) <= MQTT
        assert whole["x-ordering"]
        assert whole["x-durability"]


@pytest.mark.parametrize("name", sorted(document()["components"]["schemas"]))
def test_the_schemas_are_json_schemas(name: str) -> None:
    schema = document()["components"]["schemas"][name]
    validator(f"/components/schemas/{name}").check_schema(schema)
    if "properties" in schema:
        assert schema["additionalProperties"] is False, "what is new would go unnoticed"


@pytest.mark.parametrize("name", sorted(document()["components"]["messages"]))
def test_the_examples_are_what_they_are_examples_of(name: str) -> None:
    message = document()["components"]["messages"][name]
    for example in message.get("examples", ()):
        validator(f"/components/messages/{name}/payload").validate(example["payload"])
    assert "examples" in message or name in {"cleared", "gone", "picture"}


def test_the_commands_are_those_of_the_code_with_their_arguments() -> None:
    described = document()["channels"]["command"]["messages"]
    operations = {name for name, operation in document()["operations"].items() if operation["action"] == "receive"}
    assert operations == set(described) == set(COMMANDS) == set(get_args(Command))
    assert set(document()["channels"]["reply"]["messages"]) == operations | {"refused"}
    for name, reference in described.items():
        schema = resolve(resolve(reference)["payload"])
        assert set(schema["properties"]) - {"reply_to", "transaction"} == set(ARGUMENTS[name])
        for example in resolve(reference)["examples"]:
            message = Message(TOPICS.command(name), json.dumps(example["payload"]).encode(), 1, False, None, 0.0)
            assert understand(message, TOPICS, COMMANDS, ["yard"], 0.0).refusal is None


def test_the_document_for_people_is_made_from_it() -> None:
    assert (ROOT / "docs/mqtt.md").read_text() == mqtt_docs.text()
