"""Takes credentials out of text before it reaches a log, a topic or an error."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

    _Form = tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]

MASK = "***"
SHORTEST = 4
"""Shorter secrets are not looked for: masking every "a" would name the letter and spoil the log."""

# A password may hold a bare "/", "?", "#" or "@", so after `name:` the last @ of the word ends it. The price:
# in `host:port/a@b` the host is masked too. Without ":" user info ends with the authority.
_SCHEME = re.compile("://")
_IN_PROSE = re.compile(r"[^\s/?#@:\"'<>]*"), re.compile(r"[^\s\"'<>]*"), re.compile(r"[^\s/?#]*(?=@)")
_WHOLE = re.compile(r"[^/?#@:]*"), re.compile(r".*", re.DOTALL), re.compile(r"[^/?#@]*(?=@)")
"""The name before a ":"; the word, with the password; user info without a ":"."""
_SECRETS = r"pass|pwd|psw|token|secret|auth|key|user|usr|login|sig"
_PATH_KEYS = r"(?:login|user)?(?:pass(?:word|wd)?|pwd|psw|pas|pw)|user(?:name)?|usr|login|token|secret|auth|key"
_PROSE = r"[:,)]{0,2}"
_KEYED = re.compile(
    rf"(?<=[?&;])(?=[\w.-]*?(?:{_SECRETS})|[\w.-]*(?:pas|pw)=)[\w.-]+="
    rf"(?P<query>[^&;#\s'\"]+?(?={_PROSE}(?:[&;#\s'\"]|$)))"
    rf"|(?<=[/_])(?:{_PATH_KEYS})=(?=[^&;#\s'\"])",
    re.IGNORECASE,
)
"""`?user=a&psw=b`, and as many a recorder has it in the path: `/user=a_password=b_channel=1`. Punctuation of the prose
behind an address is none of the value's.

Looking ahead for the word in a key leaves one way only to try, however often the word stands there.
"""
_IN_PATH = re.compile(rf"[^/&;#\s'\"]+?(?={_PROSE}(?:[/&;#\s'\"]|$))")
_NEXT = re.compile(r"[&;#\s'\"]|_[a-z]+=", re.IGNORECASE)
_LONGEST = 128
"""Of a value in the path that has the next key behind it, so that it may hold a "/"."""

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
    return _without_credentials(text, _IN_PROSE) if "://" in text else text


def redact_url(url: str) -> str:
    """`url` fit to be shown. It knows where the URL ends, so even a password with blanks is found."""
    return redact(_without_credentials(url, _WHOLE))


def _without_credentials(text: str, form: _Form) -> str:
    """Both kinds are looked for in the text as it came: a mask for one could hide where the other ends."""
    found = [*_user_infos(text, form), *_values(text)]
    shown, end = [], 0
    for first, last in sorted(found):
        if first >= end:
            shown += [text[end:first], MASK]
        end = max(end, last)
    return "".join([*shown, text[end:]])


def _user_infos(text: str, form: _Form) -> Iterator[tuple[int, int]]:
    """Where they stand. A word is looked through once, however many addresses begin in it."""
    name, word, plain = form
    done = word_end = at = -1
    for scheme in _SCHEME.finditer(text):
        first = scheme.end()
        if first < done:
            continue
        if first > word_end:
            word_end = _end(word, text, first)
            at = text.rfind("@", first, word_end)
        colon = _end(name, text, first)
        if colon < at and text[colon] == ":":
            done = at
        elif (found := plain.match(text, first)) is not None:
            done = found.end()
        else:
            continue
        yield first, done


def _values(text: str) -> Iterator[tuple[int, int]]:
    """Of the keys in addresses. What ends values in a path is looked for once, however many keys stand before it."""
    at = ending = 0
    while (keyed := _KEYED.search(text, at)) is not None:
        at = keyed.end()
        if keyed.lastgroup:
            yield keyed.span(keyed.lastgroup)
            continue
        if ending <= at:
            following = _NEXT.search(text, at + 1)
            ending = following.start() if following else len(text)
        if ending - at <= _LONGEST and text[ending : ending + 1] == "_":
            yield at, ending
            at = ending
        elif (value := _IN_PATH.match(text, at)) is not None:
            yield value.span()
            at = value.end()


def _end(run: re.Pattern[str], text: str, first: int) -> int:
    found = run.match(text, first)
    return found.end() if found else first
