"""What `mqtt.url` says."""

from __future__ import annotations

import ipaddress
import re

from agent.config.names import BROKER_URL
from agent.config.problems import InvalidError

LOGIN_BESIDE = "write `username: ...` and `password: !secret NAME` beside url"
PORTS = {"mqtt": 1883, "mqtts": 8883}


def parse(url: str) -> tuple[str, int, bool, str]:
    """Host, port, whether it is TLS, and the URL in full. Raises InvalidError, which never repeats the URL."""
    scheme, _, rest = url.partition("://")
    if scheme not in PORTS:
        raise InvalidError("a broker's URL begins with mqtt:// or, for TLS, mqtts://")
    if "@" in rest:
        raise InvalidError(
            f"a user name or password inside the URL would end up in logs; take them out and {LOGIN_BESIDE}"
        )
    match = re.fullmatch(BROKER_URL, url)
    if match is None:
        raise InvalidError("write mqtt://host:1883, or mqtts://host:8883, with nothing after the port")
    host, port = match["host"], int(match["port"] or PORTS[scheme])
    if not 1 <= port <= 65535:
        raise InvalidError(f"port {port} is outside 1 to 65535")
    return host.strip("[]"), port, scheme == "mqtts", f"{scheme}://{host}:{port}"


def loopback(host: str) -> bool:
    """Whether what is sent there never leaves this machine; a name other than localhost may be anywhere."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
