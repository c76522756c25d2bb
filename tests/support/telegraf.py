"""What of `config/fleet/telegraf.conf` can be followed without Telegraf: topics to tags, and paths into payloads.

The paths are of GJSON: keys and indexes joined by dots, and `#` at the end for how many there are. A null is left out,
as Telegraf's json_v2 leaves it out. tests/slow/telegraf holds it against a real one.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = Path(__file__).parents[2] / "config" / "fleet" / "telegraf.conf"
_TYPES = {"int": int, "float": float, "string": str, "bool": bool}
_MISSING = object()


@dataclass(frozen=True)
class Row:
    """One line of a table."""

    table: str
    time: str | None
    tags: dict[str, str]
    fields: dict[str, Any]


def document(text: str | None = None) -> dict[str, Any]:
    """text: of the file; None for the one that we ship."""
    return tomllib.loads(text or FILE.read_text())


def inputs(text: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = document(text)["inputs"]["mqtt_consumer"]
    return found


def with_sites(text: str) -> str:
    """The file for devices that have a prefix, as its first lines say."""
    return text.replace('"vedette/1/', '"+/vedette/1/').replace('"_/_/device', '"site/_/_/device')


def matches(topic_filter: str, topic: str) -> bool:
    """As MQTT has it, without `#`."""
    wanted, given = topic_filter.split("/"), topic.split("/")
    return len(wanted) == len(given) and all(a in {"+", b} for a, b in zip(wanted, given, strict=True))


def row(consumer: dict[str, Any], topic: str, payload: bytes) -> Row:
    """Raises ValueError where Telegraf would: a path leads nowhere that is not optional, or to another type."""
    tags = _tags(consumer, topic)
    if consumer["data_format"] == "value":
        return Row(consumer["name_override"], None, tags, {"value": _TYPES[consumer["data_type"]](payload.decode())})
    body, (rules,) = json.loads(payload), consumer["json_v2"]
    tags |= {_name(tag): str(_found(body, tag)) for tag in rules.get("tag", ())}
    values = {_name(field): _found(body, field) for field in rules["field"]}
    fields = {name: value for name, value in values.items() if value is not None}
    return Row(consumer["name_override"], _found(body, {"path": rules["timestamp_path"]}), tags, fields)


def _tags(consumer: dict[str, Any], topic: str) -> dict[str, str]:
    for parsing in consumer["topic_parsing"]:
        if matches(parsing["topic"], topic):
            levels = zip(parsing["tags"].split("/"), topic.split("/"), strict=True)
            return {name: level for name, level in levels if name != "_"}
    raise ValueError(f"no topic_parsing for {topic}")


def _name(rule: dict[str, Any]) -> str:
    return str(rule.get("rename", rule["path"].rpartition(".")[2]))


def _found(body: Any, rule: dict[str, Any]) -> Any:
    value = body
    for step in rule["path"].split("."):
        if step == "#":
            value = len(value)
        elif isinstance(value, list):
            value = value[int(step)] if int(step) < len(value) else _MISSING
        else:
            value = value.get(step, _MISSING) if isinstance(value, dict) else _MISSING
    if value is _MISSING:
        if not rule.get("optional"):
            raise ValueError(f"{rule['path']} leads nowhere")
        return None
    wanted = _TYPES[rule["type"]] if "type" in rule else object
    if value is None or (wanted is float and type(value) is int):
        return value
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise ValueError(f"{rule['path']} is {value!r}, not {rule['type']}")
    return value
