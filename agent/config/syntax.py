"""What YAML's own complaints usually mean, and how it is mended."""

from __future__ import annotations

import re

_QUOTES = 'put the text in "quotes"'
_INDENT = "usually this line, or one above it, is indented differently from its neighbours"
_USUAL = (
    ("tab character", "indent with spaces, not tabs"),
    ("mapping values are not allowed", f"usually a text holds a colon and a space ({_QUOTES}), or the indent is wrong"),
    ("unknown escape", "between double quotes a backslash begins an escape; take 'single quotes'"),
    ("while scanning a quoted scalar", "usually a quotation mark is not closed"),
    ("could not find expected ':'", "usually a colon, or the space after it, is missing above"),
    ("flow sequence", "usually a comma or the bracket ] is missing"),
    ("flow mapping", "usually a comma or the brace } is missing"),
    ("block mapping", f"{_INDENT}, or text continues after its closing quote"),
    ("block collection", _INDENT),
)
"""By a part of the complaint of libyaml or of PyYAML's own parser; the first that fits."""


def explained(problem: str, context: str, found: str) -> str:
    """found: the character at which it stopped, empty at the end of the text.

    What stands in quotes may be the file's own text, so a secret; tokens like '<block end>' are not.
    """
    reason = re.sub(r"'(?!<| or ')[^']{3,}'", "...", " ".join(filter(None, [problem, context])))
    if "cannot start any token" in reason:
        usual = "indent with spaces, not tabs" if found == "\t" else f"no text begins with {found}: {_QUOTES}"
    else:
        usual = next((meaning for part, meaning in _USUAL if part in reason), "")
    return f"not valid YAML: {reason}" + (f"; {usual}" if usual else "")
