"""Answers an RTSP camera's challenge: Digest (RFC 2617, and SHA-256 of RFC 7616) before Basic."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.capture.source import SourceError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Sequence

DIGESTS = {"SHA-256": "sha256", "MD5": "md5", "": "md5"}
FFMPEGS = "MD5-SESS"
"""A Digest that FFmpeg's client knows and ours does not."""
SCHEME = re.compile(r'"[^"]*"|(?<![^,;"])\s*(basic|digest)(?=[\s,;]|$)', re.IGNORECASE)
"""Where the group is in the match, an offer begins; a name within quotes begins none."""


@dataclass(frozen=True, slots=True)
class Credentials:
    username: str
    password: str = field(repr=False)


class Login:
    """One client's answers to a camera's challenges. They count up for as long as the camera stays with a nonce."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._fields: dict[str, str] | None = None  # of a Digest; empty: Basic
        self._uses = 0

    def heed(self, challenges: Sequence[str]) -> None:
        """Answers the best of these from now on; none at all change nothing.

        Raises UnsupportedError where FFmpeg's client may get in, SourceError when none is one we know.
        """
        if not challenges:
            return
        fields = _best(challenges)
        if self._fields is None or self._fields.get("nonce") != fields.get("nonce"):
            self._uses = 0
        self._fields = fields

    def answer(self, method: str, url: str) -> str:
        """The value of the Authorization header; empty before the first challenge."""
        if self._fields is None:
            return ""
        if not self._fields:
            pair = f"{self._credentials.username}:{self._credentials.password}".encode()
            return f"Basic {base64.b64encode(pair).decode()}"
        self._uses += 1
        return _digest(self._fields, method, url, self._credentials, f"{self._uses:08x}", secrets.token_hex(8))


def _best(challenges: Sequence[str]) -> dict[str, str]:
    """The fields of the best Digest; none where there is only Basic, which sends the password readable."""
    offers: list[tuple[int, dict[str, str]]] = []
    digests: set[str] = set()
    for scheme, rest in (offer for challenge in challenges for offer in _offers(challenge)):
        if scheme == "basic":
            offers.append((0, {}))
            continue
        fields = {
            match[1].lower(): match[2] if match[2] is not None else match[3]
            for match in re.finditer(r'(?<![\w-])([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))', rest)
        }
        algorithm = fields.get("algorithm", "").upper()
        digests.add(algorithm)
        if algorithm in DIGESTS:
            offers.append((2 if algorithm == "SHA-256" else 1, fields))
    best, fields = max(offers, key=lambda offer: offer[0], default=(0, {}))
    if not best and FFMPEGS in digests:
        raise UnsupportedError("the camera wants a Digest of a session")
    if not offers or (digests and not best):
        raise SourceError("the camera wants a login method other than Digest and Basic")
    return fields


def _offers(challenge: str) -> list[tuple[str, str]]:
    """Name and parameters of each scheme in one header line, which may have several (RFC 7235, 4.1)."""
    found = [match for match in SCHEME.finditer(challenge) if match[1]]
    ends = [*(match.start() for match in found[1:]), len(challenge)]
    return [(match[1].lower(), challenge[match.end() : end]) for match, end in zip(found, ends, strict=False)]


def _digest(fields: dict[str, str], method: str, url: str, credentials: Credentials, count: str, cnonce: str) -> str:
    algorithm = fields.get("algorithm", "")

    def hashed(text: str) -> str:
        return hashlib.new(DIGESTS[algorithm.upper()], text.encode()).hexdigest()

    realm, nonce = fields.get("realm", ""), fields.get("nonce", "")
    ha1 = hashed(f"{credentials.username}:{realm}:{credentials.password}")
    ha2 = hashed(f"{method}:{url}")
    parts = {"username": credentials.username, "realm": realm, "nonce": nonce, "uri": url}
    if "auth" in re.split(r"[\s,]+", fields.get("qop", "")):
        parts["response"] = hashed(f"{ha1}:{nonce}:{count}:{cnonce}:auth:{ha2}")
        tail = f', qop=auth, nc={count}, cnonce="{cnonce}"'
    else:
        parts["response"] = hashed(f"{ha1}:{nonce}:{ha2}")
        tail = ""
    if "opaque" in fields:
        parts["opaque"] = fields["opaque"]
    head = ", ".join(f'{key}="{value}"' for key, value in parts.items())
    return f"Digest {head}{f', algorithm={algorithm}' if algorithm else ''}{tail}"
