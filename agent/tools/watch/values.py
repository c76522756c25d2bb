"""Values out of JSON that anybody may have sent: each is of its type, or raises TypeError or ValueError. Pure."""

from __future__ import annotations

import json
import math
from typing import Any

LONGEST = 300
"""Characters of a text, and bytes of a word; the rest is cut off."""


def as_object(payload: bytes) -> dict[str, Any]:
    return as_map(json.loads(payload))


def as_map(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def as_word(payload: bytes) -> str:
    return payload[:LONGEST].decode()


def as_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value[:LONGEST]


def as_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("not true or false")
    return value


def as_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError("not a number")
    return float(value)


def as_whole(value: Any) -> int:
    return int(as_number(value))
