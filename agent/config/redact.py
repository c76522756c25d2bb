"""Takes credentials out of text before it reaches a log, a topic or an error."""

from __future__ import annotations

import json
import re
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 4
"""Shorter secrets are not looked for: masking every "a" would name the letter and spoil the log."""

# A password may hold a bare "/", "?", "#" or "@", so after `name:` the last @ of the word ends it. The price:
# in `host:port/a@b` the host is masked too. Without ":" user info ends with the authority.
_USERINFO = re.compile(r"(?<=://)(?:[^\s/?#@:\"'<>]*:[^\s\"'<>]*(?=@)|[^\s/?#]*(?=@))")
_WHOLE_USERINFO = re.compile(r"(?<=://)(?:[^/?#@:]*:.*(?=@)|[^/?#@]*(?=@))", re.DOTALL)
_SECRETS = r"pass|pwd|psw|token|secret|auth|key|user|usr|login|sig"
_PATH_KEYS = r"(?:login|user)?(?:pass(?:word|wd)?|pwd|psw|pas|pw)|user(?:name)?|usr|login|token|secret|auth|key"
_PROSE = r"[:,)]{0,2}"
_KEYED = re.compile(
    rf"(?<=[?&;])(?:[\w.-]*(?:{_SECRETS})[\w.-]*|[\w.-]*(?:pas|pw))="
    rf"(?P<query>[^&;#\s'\"]+?(?={_PROSE}(?:[&;#\s'\"]|$)))"
    rf"|(?<=[/_])(?:{_PATH_KEYS})="
    rf"(?P<path>[^&;#\s'\"]{{1,128}}?(?=_[a-z]+=)|[^/&;#\s'\"]+?(?={_PROSE}(?:[/&;#\s'\"]|$)))",
    re.IGNORECASE,
)
"""`?user=a&psw=b`, and as many a recorder has it in the path: `/user=a_password=b_channel=1`. Punctuation of the prose
behind an address is none of the value's."""

_SUBDELIMS = "!$&'()*+,;="
"""What RFC 3986 lets stand unquoted in user info."""

_forms: frozenset[str] = frozenset()
_pattern: re.Pattern[str] | None = None


def remember(secret: str) -> None:
    """From now on `redact` masks `secret` in every spelling a URL, a JSON text or a repr gives it.

    Called by the thread that loads a config, the only writer; readers see the old set or the new one.
    """
    global _forms, _pattern  # noqa: PLW0603 - the one registry of the process, as logging's is
    if len(secret) < SHORTEST:
        return
    quoted = {quote(secret, safe, errors="replace") for safe in ("", "/", _SUBDELIMS)}
    spellings = {secret, *quoted, quote_plus(secret, errors="replace")}
    spellings |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    if not spellings <= _forms:
        forms = _forms | spellings
        _pattern = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))
        _forms = forms


def redact(text: str) -> str:
    """`text` with every remembered secret and the credentials in every URL replaced by `***`."""
    if _pattern is not None:
        text = _pattern.sub(MASK, text)
    return _without_credentials(text, _USERINFO) if "://" in text else text


def redact_url(url: str) -> str:
    """`url` fit to be shown. It knows where the URL ends, so even a password with blanks is found."""
    return redact(_without_credentials(url, _WHOLE_USERINFO))


def _without_credentials(text: str, userinfo: re.Pattern[str]) -> str:
    """Both kinds are looked for in the text as it came: a mask for one could hide where the other ends."""
    found = [match.span() for match in userinfo.finditer(text)]
    found += [match.span(match.lastgroup or 0) for match in _KEYED.finditer(text)]
    shown, end = "", 0
    for first, last in sorted(found):
        if first >= end:
            shown += text[end:first] + MASK
        end = max(end, last)
    return shown + text[end:]
