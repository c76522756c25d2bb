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
    offers: list[tuple[int, dict[str, str]]] = []
    left = False
    for challenge in challenges:
        scheme, _, rest = challenge.partition(" ")
        fields = {
            match[1].lower(): match[2] if match[2] is not None else match[3]
            for match in re.finditer(r'([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))', rest)
        }
        algorithm = fields.get("algorithm", "").upper()
        if scheme.lower() == "basic":
            offers.append((0, {}))
        elif scheme.lower() == "digest" and algorithm in DIGESTS:
            offers.append((2 if algorithm == "SHA-256" else 1, fields))
        left |= scheme.lower() == "digest" and algorithm == FFMPEGS
    if not offers and left:
        raise UnsupportedError("the camera wants a Digest of a session")
    if not offers:
        raise SourceError("the camera wants a login method other than Digest and Basic")
    return max(offers, key=lambda offer: offer[0])[1]


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
