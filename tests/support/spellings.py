"""Every way in which a secret may stand in a text, thought up without a look at what masks it."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus


def spellings(secret: str, *users: str) -> set[str]:
    """users: whose HTTP Basic login with this secret counts too."""
    raw = secret.encode("utf-8", "surrogatepass")
    found = {secret, "".join(f"%{byte:02X}" for byte in raw), "".join(f"%{byte:02x}" for byte in raw)}
    found |= {quote(raw, safe) for safe in ("", "/", "!$&'()*+,;=", ":@/")} | {quote_plus(raw)}
    found |= {each.lower() for each in found if "%" in each}
    found |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    found |= {secret.replace("'", "''"), raw.hex()}
    found |= {base64.b64encode(f"{user}:{secret}".encode("utf-8", "surrogatepass")).decode() for user in users}
    return found


def held(text: str, secret: str, *users: str) -> list[str]:
    """The spellings of `secret` in `text`."""
    return sorted(each for each in spellings(secret, *users) if each in text)
