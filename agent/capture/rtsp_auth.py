"""Answers an RTSP camera's challenge: Digest (RFC 2617, and SHA-256 of RFC 7616) before Basic."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent.capture.source import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

DIGESTS = {"SHA-256": "sha256", "MD5": "md5", "": "md5"}


@dataclass(frozen=True, slots=True)
class Credentials:
    username: str
    password: str = field(repr=False)


def authorization(challenges: Sequence[str], method: str, url: str, credentials: Credentials) -> str:
    """The value of the Authorization header. Raises SourceError when no challenge is one we know."""
    offers: list[tuple[int, dict[str, str]]] = []
    for challenge in challenges:
        scheme, _, rest = challenge.partition(" ")
        fields = {
            match[1].lower(): match[2] if match[2] is not None else match[3]
            for match in re.finditer(r'([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))', rest)
        }
        if scheme.lower() == "basic":
            offers.append((0, {}))
        elif scheme.lower() == "digest" and fields.get("algorithm", "").upper() in DIGESTS:
            offers.append((2 if fields.get("algorithm", "").upper() == "SHA-256" else 1, fields))
    if not offers:
        raise SourceError("the camera wants a login method other than Digest and Basic")
    rank, fields = max(offers, key=lambda offer: offer[0])
    if rank == 0:
        pair = f"{credentials.username}:{credentials.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"
    return _digest(fields, method, url, credentials, secrets.token_hex(8))


def _digest(fields: dict[str, str], method: str, url: str, credentials: Credentials, cnonce: str) -> str:
    algorithm = fields.get("algorithm", "")

    def hashed(text: str) -> str:
        return hashlib.new(DIGESTS[algorithm.upper()], text.encode()).hexdigest()

    realm, nonce = fields.get("realm", ""), fields.get("nonce", "")
    ha1 = hashed(f"{credentials.username}:{realm}:{credentials.password}")
    ha2 = hashed(f"{method}:{url}")
    parts = {"username": credentials.username, "realm": realm, "nonce": nonce, "uri": url}
    if "auth" in re.split(r"[\s,]+", fields.get("qop", "")):
        count = "00000001"
        parts["response"] = hashed(f"{ha1}:{nonce}:{count}:{cnonce}:auth:{ha2}")
        tail = f', qop=auth, nc={count}, cnonce="{cnonce}"'
    else:
        parts["response"] = hashed(f"{ha1}:{nonce}:{ha2}")
        tail = ""
    if "opaque" in fields:
        parts["opaque"] = fields["opaque"]
    head = ", ".join(f'{key}="{value}"' for key, value in parts.items())
    return f"Digest {head}{f', algorithm={algorithm}' if algorithm else ''}{tail}"
