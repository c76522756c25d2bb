"""`docs/mqtt.md`, made from `asyncapi.yaml`: `python -m tests.support.mqtt_docs > docs/mqtt.md`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.asyncapi import channels, document, operations_of, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.asyncapi import Channel

WIDTH = 118
ROOT = "vedette/1/{device}/"
ORDERS, ANSWERS = "command", "reply"
"""The channels whose messages are told command by command."""
GONE = "gone"
"""What all retained topics may be, told of once, with their delivery."""
TOLD = ("info", "configStatus")
"""Schemas that answers have too, told of with their own topics."""
SPANS = {"h": 3600, "s": 1}


def text() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# What Vedette publishes and accepts over MQTT"
    yield ""
    yield "<!-- Made from asyncapi.yaml by `python -m tests.support.mqtt_docs > docs/mqtt.md`. -->"
    yield ""
    yield document()["info"]["description"].strip()
    yield ""
    yield "On every connect the device sends all retained topics, then `status: online`, then the waiting events."
    yield ""
    yield "## Topics"
    yield ""
    yield f"All topics are below `{ROOT.rstrip('/')}/`."
    yield ""
    yield "| topic | delivery | QoS | retained | expires |"
    yield "|---|---|---|---|---|"
    for channel in channels():
        address = _address(channel)
        kept = "yes" if channel.retain else "-"
        cells = [f"[`{address}`](#{_anchor(address)})", _delivery(channel), str(channel.qos), kept, _expiry(channel)]
        yield f"| {' | '.join(cells)} |"
    yield from _deliveries()
    for channel in channels():
        yield from _channel(channel)


def _deliveries() -> Iterator[str]:
    yield ""
    yield "## Delivery"
    yield ""
    for name, trait in document()["components"]["operationTraits"].items():
        yield f"- **{name}**: {trait['description'].strip()}"
        yield f"  Order: {trait['x-ordering'].strip()}."
        yield f"  Durability: {trait['x-durability'].strip()}."


def _channel(channel: Channel) -> Iterator[str]:
    """Its own words on order and durability only where it has some: the others are those of its delivery."""
    described = document()["channels"][channel.name]
    own = operations_of(channel.name)[0]
    yield ""
    yield f"## `{_address(channel)}`"
    yield ""
    yield described["description"].strip()
    for word, key in (("Order", "x-ordering"), ("Durability", "x-durability")):
        if key in own:
            yield f"{word}: {own[key].strip()}."
    named = {p: resolve(d)["description"] for p, d in described["parameters"].items() if p != "device"}
    if named:
        yield ""
    for parameter, description in named.items():
        yield f"- `{{{parameter}}}`: {description.strip()}"
    if channel.name == ANSWERS:
        yield from _envelope()
    elif channel.name == ORDERS:
        yield from _commands()
    else:
        for name, reference in described["messages"].items():
            if name != GONE:
                yield from _message(resolve(reference))


def _message(message: Mapping[str, Any]) -> Iterator[str]:
    if message.get("summary"):
        yield ""
        yield message["summary"].strip()
    yield from _examples(message)
    yield from _notes(resolve(message["payload"]))


def _envelope() -> Iterator[str]:
    yield ""
    yield "The contents of `data` are described with each command below. The reply to a command that is not executed:"
    yield from _examples(document()["components"]["messages"]["refused"])
    yield from _notes(document()["components"]["schemas"]["reply"])


def _commands() -> Iterator[str]:
    for name, operation in document()["operations"].items():
        if operation["action"] != "receive":
            continue
        order, answer = resolve(operation["messages"][0]), resolve(operation["reply"]["messages"][0])
        yield ""
        yield f"### `cmd/{name}`"
        yield ""
        yield order["summary"].strip()
        yield f"Allowed: {order['x-allowed']}."
        yield from _examples(order)
        yield ""
        yield "The reply:"
        yield from _examples(answer)
        data = resolve(answer["payload"])["allOf"][1]["properties"]["data"]
        for choice in data.get("oneOf", ()):
            if choice.get("$ref", "").rsplit("/", 1)[-1] not in TOLD:
                yield from _notes(resolve(choice), "data.")


def _examples(message: Mapping[str, Any]) -> Iterator[str]:
    for example in message.get("examples", ()):
        payload = example["payload"]
        yield ""
        yield "```" + ("" if isinstance(payload, str) else "json")
        yield from [payload] if isinstance(payload, str) else _wrapped(json.dumps(payload, ensure_ascii=False))
        yield "```"


def _wrapped(line: str) -> Iterator[str]:
    """JSON, broken behind commas."""
    row = ""
    for piece in line.split(", "):
        if row and len(row) + len(piece) + 2 > WIDTH:
            yield row + ","
            row = " " + piece
        else:
            row = f"{row}, {piece}" if row else piece
    yield row


def _notes(schema: Mapping[str, Any], at: str = "") -> Iterator[str]:
    """What a schema has to say of its fields."""
    notes = list(_described(schema, at))
    if notes:
        yield ""
    for key, description in notes:
        yield f"- `{key}`: {description}"
    yield from _kinds(schema)


def _described(schema: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    for key, inner in schema.get("properties", {}).items():
        found = resolve(inner)
        name = f"{at}{key}"
        if "description" in found:
            yield name, found["description"].strip()
        if inner.get("$ref", "").rsplit("/", 1)[-1] in TOLD:
            continue
        yield from _described(found, f"{name}.")
        yield from _described(resolve(found.get("items", {})), f"{name}[].")
        more = found.get("additionalProperties")
        if isinstance(more, dict):
            yield from _described(resolve(more), f"{name}.*.")


def _kinds(schema: Mapping[str, Any]) -> Iterator[str]:
    """What `data` has in each type of event, where that is told apart."""
    choices = [choice["properties"] for choice in schema.get("oneOf", ()) if "properties" in choice]
    if choices:
        yield ""
        yield "| type | `data` |"
        yield "|---|---|"
    for choice in choices:
        parts = choice["data"].get("allOf", [choice["data"]])
        fields = ", ".join(f"`{key}`" for key in resolve(parts[-1])["required"])
        base = "as in `vedette.track.started`, and " if len(parts) > 1 else ""
        yield f"| {_types(choice)} | {base}{fields} |"
    notes = [note for choice in choices if "allOf" not in choice["data"] for note in _fields_of(choice)]
    if notes:
        yield ""
        yield from notes


def _types(choice: Mapping[str, Any]) -> str:
    kind = choice["type"]
    return ", ".join(f"`{name}`" for name in kind.get("enum", [kind.get("const")]))


def _fields_of(choice: Mapping[str, Any]) -> Iterator[str]:
    for key, description in _described(resolve(choice["data"]), "data."):
        yield f"- `{key}` of {_types(choice)}: {description}"


def _delivery(channel: Channel) -> str:
    reference = operations_of(channel.name)[0]["traits"][0]["$ref"]
    return str(reference.rsplit("/", 1)[1])


def _expiry(channel: Channel) -> str:
    if channel.worded:
        return str(channel.operation["x-expiry"])
    if channel.expiry is None:
        return "-"
    unit, span = next((u, s) for u, s in SPANS.items() if channel.expiry % s == 0)
    return f"{channel.expiry // span} {unit}"


def _address(channel: Channel) -> str:
    address: str = document()["channels"][channel.name]["address"]
    return address.removeprefix(ROOT)


def _anchor(address: str) -> str:
    """As GitHub makes it of a heading."""
    return "".join(char for char in address if char.isalnum() or char in "-_")


if __name__ == "__main__":
    print(text(), end="")
