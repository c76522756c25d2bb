"""Until when the certificates for the broker hold, and whether their files have been renewed."""

from __future__ import annotations

import re
import ssl
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.model import MqttConfig

SOON_S = 30 * 86400.0
CHECK_EVERY_S = 60.0
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0

_Stamp = tuple[int, int, int] | None


def expiry(pem: str, *, any_will_do: bool = False) -> float:
    """When the first of the certificates in a PEM text expires that does, in seconds since the epoch.

    any_will_do: when the last of them does: a bundle of CAs, in which an old one does no harm.
    Raises ValueError where there is none, or one that is no certificate.
    """
    blocks: list[str] = _PEM.findall(pem)
    if not blocks:
        raise ValueError("no certificate in it")
    ends = [_not_after(ssl.PEM_cert_to_DER_cert(block)) for block in blocks]
    return max(ends) if any_will_do else min(ends)


def _not_after(der: bytes) -> float:
    """RFC 5280, 4.1: Certificate, TBSCertificate; in it version, serial number, signature, issuer, validity."""
    (_, certificate), *_ = _elements(der)
    (_, signed), *_ = _elements(certificate)
    fields = [field for field in _elements(signed) if field[0] != _VERSION]
    if len(fields) < 4 or fields[3][0] != _SEQUENCE:
        raise ValueError("not a certificate")
    _, (kind, text) = _elements(fields[3][1])
    form = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}.get(kind)
    if form is None:
        raise ValueError("not a certificate")
    return datetime.strptime(text.decode(), form).replace(tzinfo=timezone.utc).timestamp()


def _elements(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element of DER (X.690), of definite length."""
    at = 0
    while at < len(der):
        if at + 2 > len(der):
            raise ValueError("not a certificate")
        tag, length = der[at], der[at + 1]
        at += 2
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(der[at : at + octets], "big")
            at += octets
        if at + length > len(der):
            raise ValueError("not a certificate")
        yield tag, der[at : at + length]
        at += length


class Certificates:
    """Belongs to one thread. Nothing to do without TLS."""

    def __init__(self, config: MqttConfig) -> None:
        tls = config.tls
        named = {"ca": tls.ca, "cert": tls.cert, "key": tls.key} if config.tls_enabled else {}
        self._files = {f"mqtt.tls.{key}": Path(path) for key, path in named.items() if path is not None}
        self._place = f"{config.host}:{config.port}"
        self._stamps = self._look()
        self._expiries: dict[str, float] = {}
        self._checked_at = float("-inf")

    def renewed(self) -> bool:
        """Whether a file has changed since the last call."""
        stamps = self._look()
        if stamps == self._stamps:
            return False
        self._stamps = stamps
        self._checked_at = float("-inf")
        return True

    def expiring(self, now: float, wall: float, broker: float | None) -> list[str]:
        """What expires within 30 days or has, in words. now: time.monotonic(). broker: when its own does."""
        if now - self._checked_at >= CHECK_EVERY_S:
            self._checked_at = now
            self._expiries = dict(self._read())
        found = {**self._expiries, f"the certificate of {self._place}": broker}
        return [_words(what, at, wall) for what, at in found.items() if at is not None and at - wall < SOON_S]

    def _read(self) -> Iterator[tuple[str, float]]:
        for key, path in self._files.items():
            if key != "mqtt.tls.key":
                try:
                    yield f"{key} ({path})", expiry(path.read_text(), any_will_do=key == "mqtt.tls.ca")
                except (OSError, ValueError):
                    continue  # whoever connects with it says so

    def _look(self) -> dict[str, _Stamp]:
        return {key: _stamp(path) for key, path in self._files.items()}


def _words(what: str, at: float, wall: float) -> str:
    day = datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d")
    days = int((at - wall) // 86400)
    return f"{what} expired on {day}" if at <= wall else f"{what} expires on {day}, in {days} days"


def _stamp(path: Path) -> _Stamp:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
