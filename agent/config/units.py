"""Numbers, durations and sizes as people write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS: Mapping[str, float] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
BYTES: Mapping[str, float] = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}

# Not what YAML 1.1 calls a number: there 010 is 8 and 5:30 is 330.
NUMBER = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


def number(text: str) -> float | None:
    """The value of a decimal number, None if `text` is none. May be inf for one that is far too large."""
    return float(text) if NUMBER.fullmatch(text) else None


def quantity(text: str, units: Mapping[str, float]) -> float | None:
    """The value of `7d` or `256MB` in the unit whose factor is 1, None if `text` is no such quantity."""
    match = re.fullmatch(quantity_pattern(units).rstrip("$"), text)
    return float(match[1]) * units[match[2]] if match else None


def spelled(value: float, units: Mapping[str, float]) -> str:
    """As people write it, in the largest unit that makes a whole number of it: 4MB, 366d."""
    fitting = [unit for unit, factor in units.items() if value >= factor and value % factor == 0]
    unit = max(fitting, key=lambda unit: units[unit], default="")
    return f"{int(value / units[unit])}{unit}" if unit else f"{value:g}"


def quantity_pattern(units: Mapping[str, float]) -> str:
    """A regular expression for the quantities `quantity` reads, valid in JSON Schema too."""
    return rf"^([0-9]+(?:\.[0-9]+)?) ?({'|'.join(units)})$"
