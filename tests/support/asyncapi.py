"""`asyncapi.yaml`, read: references, traits, and what its schemas say of a value.

https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).parents[2] / "asyncapi.yaml"
_NAME = FILE.name


@cache
def document() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # each worker of the tests reads it
    found: dict[str, Any] = yaml.load(FILE.read_text(), loader)
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


def with_traits(node: Mapping[str, Any]) -> dict[str, Any]:
    """An operation or message, with what it has of its traits; what it says itself wins."""
    merged: dict[str, Any] = {}
    for part in [*map(resolve, node.get("traits", ())), node]:
        merged = _merged(merged, part)
    return merged


def _merged(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{key: _merged(below.get(key), value) for key, value in above.items()}}


@cache
def validator(pointer: str) -> Draft202012Validator:
    """pointer: of a schema within the document, as `/components/schemas/box`."""
    resource = Resource.from_contents(document(), default_specification=DRAFT202012)
    registry: Any = Registry().with_resource(_NAME, resource)
    return Draft202012Validator({"$ref": f"{_NAME}#{pointer}"}, registry=registry)


@dataclass(frozen=True)
class Channel:
    """One topic, or many of a kind.

    messages: pointers to them, by name. expiry: seconds; None where there is none, or where it is told in words
    (`worded`). operation: the first that uses it, with its traits.
    """

    name: str
    pattern: re.Pattern[str]
    messages: Mapping[str, str]
    qos: int
    retain: bool
    expiry: int | None
    worded: bool
    operation: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, channel: Mapping[str, Any]) -> Channel:
        operation = with_traits(operations_of(name)[0])
        mqtt = operation["bindings"]["mqtt"]
        pattern = re.escape(channel["address"]).replace(r"\{caller\}", ".+")
        return cls(
            name,
            re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", pattern)),
            {key: ref["$ref"].removeprefix("#") for key, ref in channel["messages"].items()},
            mqtt["qos"],
            mqtt["retain"],
            mqtt.get("messageExpiryInterval"),
            "x-expiry" in operation,
            operation,
        )


def operations_of(channel: str) -> list[dict[str, Any]]:
    return [o for o in document()["operations"].values() if o["channel"]["$ref"] == f"#/channels/{channel}"]


@cache
def channels() -> tuple[Channel, ...]:
    return tuple(Channel.of(name, channel) for name, channel in document()["channels"].items())


def channel_of(topic: str) -> Channel | None:
    """topic: from `vedette/1/` on."""
    return next((channel for channel in channels() if channel.pattern.fullmatch(topic)), None)
