"""`asyncapi.yaml`, held against what is really said over MQTT."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.publish.message import Message

FILE = Path(__file__).parents[2] / "asyncapi.yaml"
COMMAND = re.compile(r"vedette/1/[^/]+/cmd/")
OURS = re.compile(r"(?:^|/)(?P<own>vedette/1/.+)$")


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return found


def resolve(node: Mapping[str, Any]) -> dict[str, Any]:
    """What a `$ref` stands for."""
    found: Any = node
    while "$ref" in found:
        place = found["$ref"]
        found = document()
        for step in place.removeprefix("#/").split("/"):
            found = found[step]
    return dict(found)


@cache
def validator(pointer: str) -> Draft202012Validator:
    """pointer: of a schema within the document."""
    resource = Resource.from_contents(document(), default_specification=DRAFT202012)
    registry: Any = Registry().with_resource("asyncapi.yaml", resource)
    return Draft202012Validator({"$ref": f"asyncapi.yaml#{pointer}"}, registry=registry)


@dataclass(frozen=True)
class Channel:
    """messages: pointers to them, by name. retain: None where nothing is said."""

    name: str
    pattern: re.Pattern[str]
    messages: Mapping[str, str]
    qos: int
    retain: bool

    @classmethod
    def of(cls, name: str, channel: Mapping[str, Any]) -> Channel:
        operation = next(o for o in document()["operations"].values() if o["channel"]["$ref"] == f"#/channels/{name}")
        mqtt = operation["bindings"]["mqtt"]
        pattern = re.escape(channel["address"]).replace(r"\{caller\}", ".+")
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", pattern)
        messages = {key: ref["$ref"].removeprefix("#") for key, ref in channel["messages"].items()}
        return cls(name, re.compile(pattern), messages, mqtt["qos"], mqtt["retain"])


@cache
def channels() -> tuple[Channel, ...]:
    return tuple(Channel.of(name, channel) for name, channel in document()["channels"].items())


def channel_of(topic: str) -> Channel | None:
    """topic: from `vedette/1/` on."""
    return next((channel for channel in channels() if channel.pattern.fullmatch(topic)), None)


def violation(message: Message) -> str | None:
    """What a message that a device sent breaks; None if nothing, or if it is not ours.

    A subscriber sees the retain flag only on what was stored before, and no QoS above its own: a retained message
    that must not be, and a QoS above what is said, are seen.
    """
    match = OURS.search(message.topic)
    if match is None:
        return None
    if COMMAND.match(match["own"]):
        return None  # whoever gives them may be wrong
    channel = channel_of(match["own"])
    fault = "no such channel" if channel is None else _broken(channel, message)
    return f"{match['own']}: {fault}" if fault else None


def _broken(channel: Channel, message: Message) -> str:
    if message.retain and not channel.retain:
        return "is retained"
    if message.qos > channel.qos:
        return f"QoS {message.qos}, not {channel.qos}"
    faults = [_fault(name, pointer, message.payload) for name, pointer in channel.messages.items()]
    return "" if None in faults else "; ".join(map(str, faults))


def _fault(name: str, pointer: str, payload: bytes) -> str | None:
    kind = resolve({"$ref": f"#{pointer}"}).get("contentType", "application/json")
    if kind == "image/jpeg":
        return None if payload.startswith(b"\xff\xd8\xff") and payload.endswith(b"\xff\xd9") else f"{name}: no JPEG"
    try:
        text = payload.decode()
        value = text if kind == "text/plain" else json.loads(text)
    except ValueError as e:
        return f"{name}: {e}"
    error = next(iter(validator(f"{pointer}/payload").iter_errors(value)), None)
    if error is not None:
        return f"{name}: {error.json_path}: {error.message[:300]}"
    if kind == "application/cloudevents+json":
        JSONFormat().read(None, payload)  # raises for what is no CloudEvent
    return None
