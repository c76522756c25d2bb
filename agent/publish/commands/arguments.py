"""What each command may be given. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from agent.config.model import LogLevel
from agent.config.suggest import did_you_mean
from agent.publish.commands.call import Refusal
from agent.publish.topics import ALL

Check = Callable[[Any, Collection[str]], Any]
"""Value and ids of cameras to the value as it is used. Raises ValueError with what it should be."""

LONGEST_LEASE_S = 900.0
FASTEST_TAIL = 20.0
MOST_REPLAYED = 100_000


@dataclass(frozen=True, slots=True)
class Argument:
    """default: in place of one that is missing or null; REQUIRED if it must be given."""

    check: Check
    default: Any = None


REQUIRED = object()


def checked(name: str, body: Mapping[str, Any], cameras: Collection[str]) -> dict[str, Any]:
    """The arguments of a command, complete. cameras: the ids there are. Raises Refusal."""
    known = ARGUMENTS[name]
    for key in body:
        if key not in known:
            takes = f"takes {', '.join(known)}" if known else "takes nothing"
            raise Refusal("bad_arguments", f"{name} has no {key[:64]!r}{did_you_mean(key, known)}; it {takes}")
    found = {key: _value(name, key, body.get(key), argument, cameras) for key, argument in known.items()}
    _together(name, found)
    return found


def _value(name: str, key: str, value: Any, argument: Argument, cameras: Collection[str]) -> Any:
    if value is None:
        if argument.default is REQUIRED:
            raise Refusal("bad_arguments", f"{name} needs {key!r}")
        return argument.default
    try:
        return argument.check(value, cameras)
    except ValueError as e:
        raise Refusal("bad_arguments", f"{key} of {name}: {e}") from None


def _together(name: str, found: Mapping[str, Any]) -> None:
    if name == "camera.set" and found["enabled"] is None and found["confidence"] is None:
        raise Refusal("bad_arguments", "camera.set needs enabled or confidence")
    if name == "replay" and not found["from"] <= found["to"] < found["from"] + MOST_REPLAYED:
        raise Refusal("bad_arguments", f"replay: `from` to `to` must be 1 to {MOST_REPLAYED} events, oldest first")


def _camera(value: Any, cameras: Collection[str]) -> str:
    if isinstance(value, str) and value in cameras:
        return value
    near = did_you_mean(value, cameras) if isinstance(value, str) else ""
    raise ValueError(f"is one of {', '.join(cameras)}{near}")


def _camera_or_all(value: Any, cameras: Collection[str]) -> str:
    return ALL if value == ALL else _camera(value, cameras)


def _flag(value: Any, _: Collection[str]) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is true or false")  # noqa: TRY004 - one kind of error for all that is wrong with a value
    return value


def _number(least: float, most: float) -> Check:
    def check(value: Any, _: Collection[str]) -> float:
        fine = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        if not fine or not least <= value <= most:
            raise ValueError(f"is a number, {least:g} to {most:g}")
        return float(value)

    return check


def _seq(value: Any, _: Collection[str]) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 1 << 53:
        raise ValueError("is the seq of an event: a whole number from 1")
    return value


def _level(value: Any, _: Collection[str]) -> str:
    levels: tuple[str, ...] = get_args(LogLevel)
    if value not in levels:
        raise ValueError(f"is one of {', '.join(levels)}")
    return str(value)


def _text(longest: int, shortest: int = 0) -> Check:
    def check(value: Any, _: Collection[str]) -> str:
        if not isinstance(value, str) or not shortest <= len(value) <= longest:
            raise ValueError(f"is a text of {shortest} to {longest} characters")
        return value

    return check


_TTL = Argument(_number(0, LONGEST_LEASE_S), 60.0)
_YAML = {"yaml": Argument(_text(256 << 10), REQUIRED)}

ARGUMENTS: Mapping[str, Mapping[str, Argument]] = {
    "ping": {},
    "info": {},
    "snapshot": {"camera": Argument(_camera, REQUIRED)},
    "camera.set": {
        "camera": Argument(_camera, REQUIRED),
        "enabled": Argument(_flag),
        "confidence": Argument(_number(0, 1)),
    },
    "config.get": {},
    "config.validate": _YAML,
    "config.apply": _YAML,
    "config.rollback": {},
    "model.select": {"camera": Argument(_camera), "model": Argument(_text(256, 1), REQUIRED)},
    "log.tail": {
        "level": Argument(_level, "info"),
        "ttl": _TTL,
        "rate": Argument(_number(0.1, FASTEST_TAIL), 10.0),
        "filter": Argument(_text(256), ""),
    },
    "log.level": {"level": Argument(_level, REQUIRED)},
    "stream.lease": {"camera": Argument(_camera_or_all, REQUIRED), "ttl": _TTL},
    "replay": {"from": Argument(_seq, REQUIRED), "to": Argument(_seq, REQUIRED)},
    "restart": {},
    "diagnostics": {},
}
