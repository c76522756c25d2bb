"""`docs/mqtt.md`, made from `asyncapi.yaml`: `python -m tests.support.mqtt_docs > docs/mqtt.md`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.contract import document, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WIDTH = 118


def text() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    about = document()
    yield "# What Vedette says and takes over MQTT"
    yield ""
    yield "<!-- Made from asyncapi.yaml by `python -m tests.support.mqtt_docs > docs/mqtt.md`. -->"
    yield ""
    yield about["info"]["description"].strip()
    yield ""
    yield "On every connect comes first all that is retained, then `status: online`, then the events that waited."
    yield ""
    yield "| topic | QoS | retained | expiry |"
    yield "|---|---|---|---|"
    for name, channel in about["channels"].items():
        operation = _operation(name)
        mqtt = operation["bindings"]["mqtt"]
        expiry = operation.get("x-expiry") or _seconds(mqtt.get("messageExpiryInterval"))
        address = channel["address"].removeprefix("vedette/1/{device}/")
        yield f"| [`{address}`](#{_anchor(address)}) | {mqtt['qos']} | {'yes' if mqtt['retain'] else '-'} | {expiry} |"
    for name, channel in about["channels"].items():
        yield from _channel(name, channel)
    yield from _commands()


def _operation(channel: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        o for o in document()["operations"].values() if o["channel"]["$ref"] == f"#/channels/{channel}"
    )
    return found


def _seconds(expiry: int | None) -> str:
    return "-" if expiry is None else f"{expiry} s"


def _anchor(address: str) -> str:
    """As GitHub makes it of a heading."""
    return "".join(char for char in address if char.isalnum() or char in "-_")


def _channel(name: str, channel: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"## `{channel['address'].removeprefix('vedette/1/{device}/')}`"
    yield ""
    yield channel["description"].strip()
    operation = _operation(name)
    for word, key in (("Order", "x-ordering"), ("Durability", "x-durability")):
        if key in operation:
            yield f"{word}: {operation[key]}."
    named = {p: resolve(d)["description"] for p, d in channel["parameters"].items() if p != "device"}
    if named:
        yield ""
    for parameter, description in named.items():
        yield f"- `{{{parameter}}}`: {description.strip()}"
    if name == "command":
        return
    for reference in channel["messages"].values():
        message = resolve(reference)
        if message.get("summary"):
            yield ""
            yield message["summary"].strip()
        yield from _examples(message)
        yield from _notes(message)


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


def _notes(message: Mapping[str, Any]) -> Iterator[str]:
    """What the schema has to say of fields."""
    schema = resolve(message["payload"])
    notes = list(_described(schema, ""))
    if notes:
        yield ""
    for key, description in notes:
        yield f"- `{key}`: {description}"


def _described(schema: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    for key, inner in schema.get("properties", {}).items():
        found = resolve(inner)
        name = f"{at}{key}"
        if "description" in found:
            yield name, found["description"].strip()
        yield from _described(found, f"{name}.")
        yield from _described(resolve(found.get("items", {})), f"{name}[].")
        more = found.get("additionalProperties")
        if isinstance(more, dict):
            yield from _described(resolve(more), f"{name}.*.")
    for choice in schema.get("oneOf", ()):
        for kind in _types(choice):
            yield from _event_fields(kind, choice)


def _types(choice: Mapping[str, Any]) -> list[str]:
    kind = choice.get("properties", {}).get("type", {})
    return [" or ".join(f"`{t}`" for t in kind.get("enum", [kind.get("const")]))] if kind else []


def _event_fields(kind: str, choice: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    data = choice["properties"]["data"]
    fields = ", ".join(f"`{key}`" for key in resolve(data)["properties"])
    yield "data", f"of {kind}: {fields}"


def _commands() -> Iterator[str]:
    for name, reference in document()["channels"]["command"]["messages"].items():
        message = resolve(reference)
        yield ""
        yield f"### `cmd/{name}`"
        yield ""
        yield message["summary"].strip()
        yield f"Allowed: {message['x-allowed']}."
        yield from _examples(message)


if __name__ == "__main__":
    print(text(), end="")
