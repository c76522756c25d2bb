"""What can go wrong between us and a broker, in words a user can act on. Pure."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from agent.config.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["unreachable", "name", "tls", "version", "auth", "takeover", "closed", "silent", "refused", "settings"]

UNSUPPORTED_VERSION = 0x84
TAKEN_OVER = 0x8E
REFUSED_FROM = 0x80
NOT_AUTHORIZED, TOO_LARGE = "Not authorized", "Packet too large"
"""What MQTT 5 calls them; the latter said by us in place of the broker, which would close the connection."""
CLOSES = "Connection closed"
"""Said of what a broker closes the connection for, again and again, and does not say why."""
UNHEARD_FIX = "allow this user to read there (its ACL)"
LARGEST_HINT = "raise the broker's largest packet (mosquitto: max_packet_size, message_size_limit)"
_CREDENTIALS = frozenset({0x86, 0x87, 0x8A, 0x8C})
_MEANING = {
    0x85: ("the broker refuses this client id", "allow it there, or change `device`"),
    0x88: ("the broker is not available", "look into its log"),
    0x89: ("the broker is busy", "look into its load and limits"),
    0x8B: ("the broker is shutting down", "start it again; the connection comes back by itself"),
    0x8D: ("the broker heard nothing from us in time", "look into the network"),
    0x90: ("the broker refuses our topic names", "check `mqtt.prefix`, and the rules of the broker"),
    0x95: ("a message is larger than the broker allows", LARGEST_HINT),
    0x97: ("the quota of this user is exceeded", "raise it on the broker"),
    0x98: ("an administrator of the broker closed the connection", "ask them, or look into its log"),
    0x9A: ("the broker allows no retained messages, which Vedette needs", "allow them there"),
    0x9B: ("the broker does not allow QoS 1, which Vedette needs", "allow it there"),
}
"""What a reason code of MQTT 5 means, and what to do about it."""


_ALERTS = {
    "certificate required": ("wants a client certificate", "set `mqtt.tls.cert` and `mqtt.tls.key`"),
    "certificate expired": (
        "refuses our client certificate, for it has expired",
        "renew `mqtt.tls.cert`, or set the clock of the broker",
    ),
    "certificate revoked": ("refuses our client certificate, for it was revoked", "renew `mqtt.tls.cert`"),
    "unknown ca": (
        "refuses our client certificate, for it does not know the CA that signed it",
        "have `mqtt.tls.cert` signed by one that the broker trusts (mosquitto: cafile)",
    ),
    "bad certificate": ("refuses our client certificate", "check `mqtt.tls.cert`, and the log of the broker"),
    "certificate unknown": ("refuses our client certificate", "check `mqtt.tls.cert`, and the log of the broker"),
    "unsupported certificate": (
        "refuses our client certificate, for it is of the wrong kind",
        "`mqtt.tls.cert` must be allowed for client authentication (extendedKeyUsage clientAuth)",
    ),
}
"""What a broker may say of our certificate: TLS alerts (RFC 8446, 6.2) in the words of OpenSSL."""


@dataclass(frozen=True, slots=True)
class BrokerFault:
    """kind: for code. what: is wrong, for the user. fix: what to do about it. given: the broker has said so itself."""

    kind: Kind
    what: str
    fix: str = ""
    given: bool = False

    @property
    def text(self) -> str:
        """All of it in one line."""
        return f"{self.what}: {self.fix}" if self.fix else self.what

    @property
    def slow(self) -> bool:
        """Whether waiting does not mend it: an attempt every few seconds would only be noise."""
        return self.kind in {"auth", "takeover"}

    @property
    def unexplained(self) -> bool:
        """Whether the broker has ended the connection, or the network, and nobody said why."""
        return self.kind == "closed" and not self.given

    @property
    def quick(self) -> bool:
        """Whether it ends as soon as the broker is there."""
        return self.kind in {"unreachable", "closed"}


class LinkError(Exception):
    """A connection that could not be made."""

    def __init__(self, fault: BrokerFault) -> None:
        super().__init__(fault.text)
        self.fault = fault


def connect_fault(error: Exception, host: str, port: int, *, tls: bool) -> BrokerFault:
    """For what TCP, DNS or TLS said while connecting."""
    place = f"{host}:{port}"
    if tls and isinstance(error, ConnectionResetError):
        error = ssl.SSLError(0, "the connection was reset")
    match error:
        case ssl.SSLCertVerificationError():
            return _certificate_fault(error, place)
        case ssl.SSLError():
            return _tls_fault(error, place)
        case socket.gaierror() | UnicodeError():
            fix = "check the host in `mqtt.url`, and this device's DNS"
            return BrokerFault("name", f"the name {host!r} was not found", fix)
    return _unreachable_fault(error, place)


def tls_settings_fault(error: Exception, what: str) -> BrokerFault:
    """what: the key and the file that could not be used."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return BrokerFault("settings", f"{what} cannot be used ({reason})", "give a readable PEM file")


def refusal_fault(reason: int, name: str, place: str, username: str | None) -> BrokerFault:
    """For a CONNACK that refuses. reason: MQTT 5's number (3.1.1's are mapped to it); name: its word."""
    if reason == UNSUPPORTED_VERSION:
        return BrokerFault("version", f"{place} speaks neither MQTT 5 nor MQTT 3.1.1", "use another broker or port")
    refused = f"{place} refused the connection ({name})"
    if reason in _CREDENTIALS:
        who = f"user {username!r}" if username else "a client without user name"
        verb = "check" if username else "set"
        fix = f"{verb} `mqtt.username` and `mqtt.password`, or allow it on the broker"
        return BrokerFault("auth", f"{refused} to {who}", fix)
    return _meant("refused", refused, reason)


def closed_fault(reason: int | None, name: str, place: str, client_id: str) -> BrokerFault:
    """For a connection the other side ended. reason: of its DISCONNECT, None when it just closed."""
    if reason == TAKEN_OVER:
        what = f"another client connected to {place} as {client_id!r} and took our place"
        return BrokerFault("takeover", what, "give each device a `device` of its own")
    if reason is None:
        what = f"the connection to {place} was lost"
        return BrokerFault("closed", what, "see whether the broker and the network are up")
    kind: Kind = "auth" if reason in _CREDENTIALS else "closed"
    return replace(_meant(kind, f"{place} closed the connection ({name})", reason), given=True)


def cut_fault(place: str, client_id: str) -> BrokerFault:
    """For the same again and again, soon after each connect. Not `slow`: a bad network must not cost a minute."""
    return BrokerFault(
        "closed",
        f"the connection to {place} is cut again and again soon after it was made",
        f"another client may use the client id {client_id!r} (give each device a `device` of its own), the broker"
        " restarts or does not take one of our messages (see its log), or the network is bad",
    )


def unanswered_fault(place: str) -> BrokerFault:
    return BrokerFault(
        "silent",
        f"{place} accepts connections but does not answer as an MQTT broker",
        "check the port in `mqtt.url` (1883 is usually plain, 8883 TLS), and whether the broker hangs",
    )


def frozen_fault(place: str, seconds: float) -> BrokerFault:
    what = f"{place} has not answered for {seconds:.0f} s"
    return BrokerFault("silent", what, "see whether the broker hangs or the network is down")


def rejected_text(topic: str, name: str) -> str:
    if name == TOO_LARGE:
        return f"what we publish to {topic} is larger than the broker takes ({name}): {rejected_fix(name)}"
    return f"the broker rejected what we publish to {topic} ({name}): {rejected_fix(name)}"


def rejected_fix(name: str) -> str:
    if name == TOO_LARGE:
        return LARGEST_HINT
    if name == CLOSES:
        return f"see its log; if the message is too large, {LARGEST_HINT}"
    return "allow this user to write there (its ACL)" if name == NOT_AUTHORIZED else "look into the log of the broker"


def unheard_text(topics: Iterable[str], name: str) -> str:
    """For a subscription that is refused."""
    return f"the broker refused our subscription to {' and '.join(topics)} ({name}): {UNHEARD_FIX}"


def _meant(kind: Kind, what: str, reason: int) -> BrokerFault:
    """what: the broker did, and its word for why."""
    if reason not in _MEANING:
        return BrokerFault(kind, what, "look into the log of the broker")
    meaning, fix = _MEANING[reason]
    return BrokerFault(kind, f"{what}: {meaning}", fix)


def _unreachable_fault(error: Exception, place: str) -> BrokerFault:
    if isinstance(error, ConnectionRefusedError):
        return BrokerFault("unreachable", f"nothing listens at {place}", "start the broker, or correct `mqtt.url`")
    if isinstance(error, TimeoutError):
        fix = "check `mqtt.url`, the network, and any firewall between"
        return BrokerFault("unreachable", f"{place} does not answer", fix)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return BrokerFault(
        "unreachable", redact(f"cannot connect to {place}: {reason}"), "check `mqtt.url` and the network"
    )


def _tls_fault(error: ssl.SSLError, place: str) -> BrokerFault:
    reason = str(getattr(error, "reason", None) or error.strerror or error).replace("_", " ").lower()
    for alert, (what, fix) in _ALERTS.items():
        if reason.endswith(f"alert {alert}"):
            return BrokerFault("tls", f"{place} {what}", fix)
    return BrokerFault(
        "tls",
        f"TLS with {place} failed ({reason})",
        "check that this port speaks TLS, and whether the broker wants a client certificate"
        " (`mqtt.tls.cert`, `mqtt.tls.key`)",
    )


def _certificate_fault(error: ssl.SSLCertVerificationError, place: str) -> BrokerFault:
    if "ostname" in error.verify_message or "IP address" in error.verify_message:
        fix = "use a name in `mqtt.url` that the certificate holds"
    elif "expired" in error.verify_message or "not yet valid" in error.verify_message:
        fix = "renew it, or set this device's clock"
    else:
        fix = "set `mqtt.tls.ca` to the CA that signed it"
    return BrokerFault("tls", f"the certificate of {place} is not accepted ({error.verify_message})", fix)
