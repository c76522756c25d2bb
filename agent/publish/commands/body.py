"""The JSON of a command, from anybody: small, shallow, and without what JSON parsers disagree on. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from agent.publish.commands.call import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_BYTES = 64 << 10
MOST_CONFIG_BYTES = 256 << 10
"""Of commands that bring a whole config."""
DEEPEST = 16
_DIGITS = 20


def limit(name: str) -> int:
    """The largest body of the command, in bytes."""
    return MOST_CONFIG_BYTES if name.startswith("config.") else MOST_BYTES


def read(name: str, payload: bytes) -> dict[str, Any]:
    """The object in a command's payload. Raises Refusal.

    Nothing is no order: whoever empties a retained topic sends it to us too, and would restart us.
    """
    if len(payload) > limit(name):
        raise Refusal("too_large", f"{len(payload)} bytes; a body of {name[:32]} has {limit(name)} at most")
    if not payload:
        raise Refusal("empty", "empty message; send at least {}")
    try:
        found = json.loads(
            payload.decode(), object_pairs_hook=_pairs, parse_int=_whole, parse_float=_number, parse_constant=_constant
        )
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeDecodeError as e:
        raise Refusal("not_json", f"not UTF-8 at byte {e.start}") from None
    except UnicodeEncodeError:
        raise Refusal("not_json", "half of a surrogate pair stands in a text") from None
    except json.JSONDecodeError as e:
        raise Refusal("not_json", f"not JSON at character {e.pos}: {e.msg}") from None
    except RecursionError:
        raise Refusal("too_deep", f"nested deeper than {DEEPEST}") from None
    if not isinstance(found, dict):
        raise Refusal("not_an_object", 'the body is a JSON object such as {"camera": "gate"}')
    _measure(found)
    return found


def _pairs(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Refusal("not_json", f"the key {key[:64]!r} stands there twice; remove one")
        found[key] = value
    return found


def _whole(text: str) -> int:
    if len(text) > _DIGITS:
        raise Refusal("not_json", f"a number of {len(text)} digits; {_DIGITS} at most")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise Refusal("not_json", "a number that is too large")
    return value


def _constant(text: str) -> NoReturn:
    raise Refusal("not_json", f"{text} is not JSON")


def _measure(found: object) -> None:
    level: list[Any] = [found]
    for _ in range(DEEPEST):
        inside = (inner for value in level for inner in (value.values() if isinstance(value, dict) else value))
        level = [inner for inner in inside if isinstance(inner, (dict, list))]
        if not level:
            return
    raise Refusal("too_deep", f"nested deeper than {DEEPEST}")
