"""Passwords that YAML cuts off: a blank and a # begin a comment, so of `password: 12 #34` it gives 12."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from agent.config.nodes import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

CUT = 'YAML reads what follows # as a comment; if it belongs to the password, put the whole value in "quotes"'
_CUT = r"(?:^|.*[{,])[ \t]*(?:%s)[ \t]*:[ \t]+(?:[^\s\"'!&*|>\[{].*)?"
"""A line up to its #, or from the # before on."""


def cut(text: str, key: str) -> Iterator[Position]:
    """Where a # follows the plain value of a key, without a blank behind it as comments have. key: an expression."""
    pattern = re.compile(_CUT % key)
    for number, line in enumerate(text.split("\n"), 1):
        end = -1
        for before, behind in pairwise(() if line.lstrip().startswith("#") else line.split("#")):
            start, end = end + 1, end + 1 + len(before)
            if before.endswith((" ", "\t")) and behind[:1].strip() and pattern.fullmatch(line, start, end):
                yield Position(number, end + 1)
                break
