"""Python literals that an exporter wrote into a model's metadata, read at a price that does not grow with malice."""

from __future__ import annotations

import ast
import re
from typing import Any

MAX_TEXT = 16 * 1024
MAX_NAMES = 256 * 1024
"""Of ten thousand labels."""
_TEXT = re.compile(r"""'(?:[^'\\]|\\.?)*(?:'|\Z)|"(?:[^"\\]|\\.?)*(?:"|\Z)""", re.DOTALL)
"""A text that does not end reaches to the end, so that nothing is looked at twice."""


def literal(text: str, most: int = MAX_TEXT) -> Any:
    """The literal in `text`; None for what is none, has more than `most` characters, or is no `repr`."""
    if len(text) > most or not _plain(text):
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _plain(text: str) -> bool:
    """Whether no text in it has a prefix, is tripled, or lies behind a comment, as in no `repr`.

    Python's parser takes quadratic time for f-strings: half a minute for what else takes a second.
    """
    return "#" not in _TEXT.sub("", text) and not any(
        text[found.start() - 1].isalnum() or text[found.start() - 1] in "'\"_\\"
        for found in _TEXT.finditer(text)
        if found.start()
    )
