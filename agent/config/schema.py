"""The config as JSON Schema, for editors: completion, descriptions and limits while one types.

It says what one key may be; what must fit together (a password needs a user name) only the loader knows.
`!secret` and `!env` are tags, so JSON Schema does not see them.
"""

from __future__ import annotations

import json
from typing import Any

from agent.config.names import ID
from agent.config.sections import ById, Field, Listing, Section
from agent.config.table import ROOT


def json_schema() -> dict[str, Any]:
    """The schema of the whole file, JSON Schema draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Vedette",
        "description": "The config of the Vedette daemon",
        **_section(ROOT),
    }


def as_text() -> str:
    """What `config/vedette.schema.json` holds."""
    return json.dumps(json_schema(), indent=2) + "\n"


Former = dict[str, tuple[Field, str]]
"""By dotted path: what a key is called now, and where."""


def _section(section: Section, above: Former | None = None) -> dict[str, Any]:
    """above: former keys that stood in it, and are elsewhere now."""
    former = {**(above or {}), **{old: (_at(section, new), new) for old, new in section.former.items()}}
    moved = {new.partition(".")[0] for _, new in former.values()}
    required = [field.key for field in section.fields if field.required and field.key not in moved]
    properties = {field.key: _field(field, _below(former, field.key)) for field in section.fields}
    for old, (field, new) in former.items():
        head, _, rest = old.partition(".")
        if head not in properties:
            schema = {"type": "object"} if rest else _field(field)
            schema.pop("default", None)
            properties[head] = {**schema, "deprecated": True, "description": f"now {new}"}
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _at(section: Section, path: str) -> Field:
    head, _, rest = path.partition(".")
    field = next(field for field in section.fields if field.key == head)
    return _at(field.kind, rest) if rest and isinstance(field.kind, Section) else field


def _below(former: Former, key: str) -> Former:
    return {old.removeprefix(f"{key}."): to for old, to in former.items() if old.startswith(f"{key}.")}


def _field(field: Field, former: Former | None = None) -> dict[str, Any]:
    schema = _kind(field, former)
    if field.required:
        schema = _without_null(schema)
    has_default = not field.required and field.default not in {None, "", ()}
    default = field.default[0] if isinstance(field.default, tuple) and has_default else field.default
    return {"description": field.help, **schema, **({"default": default} if has_default else {})}


def _kind(field: Field, former: Former | None) -> dict[str, Any]:
    kind = field.kind
    if isinstance(kind, Section):
        return {**_section(kind, former), "type": ["object", "null"]}
    if isinstance(kind, ById):
        return {
            "type": ["object", "null"],
            "minProperties": kind.least,
            "maxProperties": kind.most,
            "propertyNames": {"pattern": ID},
            "additionalProperties": _section(kind.section),
        }
    if isinstance(kind, Listing):
        item = _without_null(kind.item.schema())
        several = {"type": ["array", "null"], "items": item, "maxItems": kind.most, "uniqueItems": True}
        if kind.named is not None:
            entry = {**_section(kind.named), "type": ["object", "null"]}
            keys = {"propertyNames": item, "additionalProperties": entry}
            return {"anyOf": [several, {"type": "object", "maxProperties": kind.most, **keys}]}
        return {"anyOf": [item, several]} if kind.single else several
    return kind.schema()


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "enum" in schema:
        return {"enum": [value for value in schema["enum"] if value is not None]}
    types = schema["type"]
    kept = [name for name in types if name != "null"] if isinstance(types, list) else types
    return {**schema, "type": kept[0] if len(kept) == 1 else kept}


if __name__ == "__main__":
    print(as_text(), end="")  # noqa: T201 - `python -m agent.config.schema > config/vedette.schema.json`
