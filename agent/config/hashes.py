"""Passwords that YAML cuts off: a blank and a # begin a comment, so of `password: 12 #34` it gives 12."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agent.config.nodes import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

CUT = 'YAML reads what follows # as a comment; if it belongs to the password, put the whole value in "quotes"'
_CUT = r"(?P<key>{key})[ \t]*:(?:[ \t]+[^\s\"'!&*|>\[{{#][^#]*?)?[ \t]+#(?=[^\s#])"


def cut(text: str, key: str) -> Iterator[Position]:
    """Where a # follows the plain value of a key, without a blank behind it as comments have. key: an expression."""
    pattern = re.compile(r"(?:[ \t]*|.*[{,][ \t]*)" + _CUT.format(key=key))
    for number, line in enumerate(text.split("\n"), 1):
        if (match := pattern.match(line)) is not None and not line.lstrip().startswith("#"):
            yield Position(number, match.end())
