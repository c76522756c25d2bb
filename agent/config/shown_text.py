"""The text of a config with its secrets masked where they stand, however YAML spells them there."""

from __future__ import annotations

import re
from typing import Any

from agent.config.redact import MASK, redact

_KEYS = frozenset({"password", "username"})
_IN_COMMENTS = re.compile(
    r"^([^#\n]*#[^\n]*?\b(?:password|username)[\"']?\s*:\s*)(?!!(?:secret|env)\b)[^\s][^\n]*", re.MULTILINE
)
"""An old password that somebody has put behind a #: nothing else would know it for one."""


def shown_text(text: str) -> str:
    """`text`, a config that was loaded, fit to be shown.

    By place, not by value alone: a quote in a secret is doubled or escaped in the file, and a short one is no word
    that could be looked for.
    """
    import yaml

    masked = []
    waits = False
    try:
        # The loader in Python: its marks count characters, whatever the text holds.
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if not isinstance(event, yaml.ScalarEvent):
                waits = False
                continue
            if (waits and event.value and event.tag is None) or redact(event.value) != event.value:
                masked.append(_masked(event, whole=waits))
            waits = not waits and event.value in _KEYS
    except yaml.YAMLError:
        return MASK
    for start, end, mask in reversed(masked):
        text = text[:start] + mask + text[end:]
    return redact(_IN_COMMENTS.sub(rf"\1{MASK}", text))


def _masked(event: Any, *, whole: bool) -> tuple[int, int, str]:
    """Where it stands, and what shall stand there: of an address only the secret goes."""
    start, end = event.start_mark.index, event.end_mark.index
    if whole or event.style in {"|", ">"}:
        return start, end, f'"{MASK}"' + ("\n" if event.style in {"|", ">"} else "")
    return start, end, '"' + redact(event.value).replace("\\", "\\\\").replace('"', '\\"') + '"'
