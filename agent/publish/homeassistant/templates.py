"""Templates that Home Assistant renders with our payloads.

Each renders to nothing, which Home Assistant ignores, when the payload is empty, as that of a topic that is cleared.
`None` is its word for "not known".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def quoted(text: str) -> str:
    """As a string within a template."""
    return json.dumps(text)


def value(expression: str) -> str:
    """Of the payload's JSON, `value_json`."""
    return f"{{{{ ({expression}) if value_json is defined }}}}"


def flag(condition: str) -> str:
    """ON or OFF, as binary sensors and switches take it."""
    return value(f"'ON' if {condition} else 'OFF'")


def rounded(expression: str, digits: int = 0) -> str:
    """A number, or None. Rounded, since each change is one more row in Home Assistant's database."""
    number = f"v | round({digits})" if digits else "v | round | int"
    return (
        f"{{% if value_json is defined %}}{{% set v = {expression} %}}"
        f"{{{{ none if v is none else {number} }}}}{{% endif %}}"
    )


def member(holder: str, key: str, name: str) -> str:
    """`holder[key][name]`, none if there is no such key: an expression."""
    return f"(({holder}).get({quoted(key)}) or {{}}).get({quoted(name)})"


def available(condition: str) -> str:
    return f"{{{{ 'online' if {condition} else 'offline' }}}}"


def happening(source: str, condition: str, kinds: Mapping[str, str], attributes: Iterable[str]) -> str:
    """The JSON of one of Home Assistant's events from a CloudEvent of ours; nothing for any other, or a late one.

    source: the CloudEvent's. condition: what else its `data`, named d, must be. kinds: an expression for Home
    Assistant's event_type, by our type. attributes: of `data`, those that are there.
    """
    choices = " else ".join(f"{kind} if t == {quoted(ours)}" for ours, kind in kinds.items())
    copied = ", ".join(f"'{name}': d.get('{name}')" for name in attributes)
    return (
        f"{{% if value_json is defined and not value_json.historical and value_json.source == {quoted(source)} %}}"
        "{% set t, d = value_json.type, value_json.data %}"
        f"{{% set kind = {choices} else none %}}"
        f"{{% if kind and {condition} %}}"
        f"{{{{ {{'event_type': kind, 'id': value_json.id, 'time': value_json.time, {copied}}} | to_json }}}}"
        "{% endif %}{% endif %}"
    )
