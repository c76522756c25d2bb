"""What ids, topic prefixes and the broker's URL look like, and the device's id when none is given."""

from __future__ import annotations

import re

ID = r"^(?!all$)[a-z0-9_-]{1,32}$"
"""What a device, camera, zone or line id looks like: a topic level. `all` is a topic level of its own."""

ID_RULE = "1 to 32 of a-z, 0-9, _ and -"


PREFIX = r"^((?!\$)[^\s+#/\u0000-\u001f]+(/[^\s+#/\u0000-\u001f]+)*)?$"
PREFIX_RULE = "topic levels joined by /, without spaces, + and #, and not beginning with $"

BROKER_URL_HOST = r"\[[0-9A-Fa-f:.]+\]|[^\s/@?#:\[\]]+"
BROKER_URL = rf"(?P<scheme>mqtts?)://(?P<host>{BROKER_URL_HOST})(?::(?P<port>[0-9]{{1,5}}))?/?"
BROKER_URL_SCHEMA = rf"^mqtts?://({BROKER_URL_HOST})(:[0-9]{{1,5}})?/?$"


def is_id(text: str) -> bool:
    return re.fullmatch(ID, text) is not None and not text.endswith("\n")


def slugged_id(text: str) -> str:
    """`text` made an id: `Gate Pi.local` becomes `gate-pi`; `vedette` if nothing of it can stay."""
    slug = re.sub(r"[^a-z0-9_-]+", "-", text.partition(".")[0].lower()).strip("-")[:32].strip("-")
    return slug if is_id(slug) else "vedette"
