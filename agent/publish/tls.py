"""How a broker over TLS is checked."""

from __future__ import annotations

import socket
import ssl
import weakref
from typing import TYPE_CHECKING, Any

from agent.publish.faults import LinkError, connect_fault, tls_settings_fault

if TYPE_CHECKING:
    from agent.config.model import TlsConfig


class TlsContext(ssl.SSLContext):
    """Knows its last socket: paho leaves the one of a failed handshake open."""

    _socket: weakref.ref[ssl.SSLSocket] | None = None

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        wrapped = super().wrap_socket(*args, **options)
        self._socket = weakref.ref(wrapped)
        return wrapped

    def abandon(self) -> None:
        wrapped = self._socket() if self._socket is not None else None
        if wrapped is not None:
            wrapped.close()


def tls_context(tls: TlsConfig) -> TlsContext:
    """TLS 1.2 or newer, checked against the system's CAs or `ca`. Raises LinkError naming the unusable file.

    Made anew for each connection, so that renewed files are used without a restart.
    """
    context = TlsContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and host name
    try:
        if tls.ca is not None:
            context.load_verify_locations(tls.ca)
        else:
            context.load_default_certs()
    except (OSError, ValueError) as error:
        raise LinkError(tls_settings_fault(error, f"`mqtt.tls.ca` {tls.ca}")) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.cert is not None:
        try:
            context.load_cert_chain(tls.cert, tls.key, password="")  # an encrypted key must not ask on the terminal
        except (OSError, ValueError) as error:
            what = f"`mqtt.tls.cert` {tls.cert}" + (f" with `mqtt.tls.key` {tls.key}" if tls.key else "")
            raise LinkError(tls_settings_fault(error, what)) from None
    if tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


HANDSHAKE_S, VERDICT_S = 5.0, 0.5


def handshake(host: str, port: int, tls: TlsConfig) -> float | None:
    """Whether the broker and these files accept each other, tried without MQTT. Raises LinkError with the cause.

    Returns when the broker's certificate expires, in seconds since the epoch; None if it was not verified.

    With TLS 1.3 a broker judges our certificate after the handshake: it has half a second to say no.
    """
    context = tls_context(tls)
    try:
        with (
            socket.create_connection((host, port), HANDSHAKE_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            wrapped.settimeout(VERDICT_S)
            try:
                wrapped.recv(1)
            except TimeoutError:
                return expires(wrapped)
    except (OSError, ValueError) as error:
        raise LinkError(connect_fault(error, host, port, tls=True)) from None
    raise LinkError(connect_fault(ssl.SSLError(0, "closed by the broker"), host, port, tls=True))


def names(host: str, port: int, tls: TlsConfig) -> list[str]:
    """For whom the broker's certificate is, whatever it is called here.

    Raises LinkError, or OSError or ValueError where its certificate is not even signed by a CA of ours.
    """
    context = tls_context(tls)
    context.check_hostname = False
    with (
        socket.create_connection((host, port), HANDSHAKE_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as wrapped,
    ):
        told: Any = (wrapped.getpeercert() or {}).get("subjectAltName", ())
    return [str(value) for _, value in told]


def expires(sock: object) -> float | None:
    """When the certificate of the other side does, in seconds since the epoch; None if none was verified."""
    if not isinstance(sock, ssl.SSLSocket):
        return None
    end = (sock.getpeercert() or {}).get("notAfter")
    return ssl.cert_time_to_seconds(end) if isinstance(end, str) else None
