"""What a web page or a word processor leaves in a text that was copied from it: blanks and quotes that YAML has not.

Pure. Of quoted values it is not asked: there everything is meant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.config.nodes import Scalar

QUOTED = "these quotes are part of the value; YAML knows only \"...\" and '...'"
_UNSEEN = "[\u00a0\u00ad\u2000-\u200b\u200e\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff]"
_AT_AN_END = re.compile(f"^{_UNSEEN}|{_UNSEEN}$")
_QUOTES = re.compile(
    "[\u201c\u201d\u201e\u201f\u00ab].*[\u201c\u201d\u00bb]|[\u2018\u2019\u201a\u201b].*[\u2018\u2019\u201b]"
)


def unseen(node: Scalar) -> str:
    """What is wrong with a text that begins or ends with such a blank; empty: nothing."""
    found = _AT_AN_END.search(node.text) if node.plain and not node.tag else None
    return (
        f"begins or ends with U+{ord(found[0]):04X}, which looks like a space or like nothing; remove it"
        if found
        else ""
    )


def quoted(node: Scalar) -> bool:
    return node.plain and not node.tag and _QUOTES.fullmatch(node.text) is not None
