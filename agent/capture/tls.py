"""How a camera over TLS is checked, by our own client and by FFmpeg, and why one was refused."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent.capture.source import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.config.model import CameraConfig

HTTPS_PORT = 443
CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where Debian, Fedora, SUSE and Alpine keep their CAs. Debian's OpenSSL names only a folder, FFmpeg wants a file."""


def context_of(config: CameraConfig) -> ssl.SSLContext:
    """TLS 1.2 or newer; certificate and host name are checked. Raises SourceError naming the unusable file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if config.tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # as GnuTLS: the camera's own certificate will do as `ca`
    file = ca_file(config)
    try:
        context.load_verify_locations(file)
    except OSError as error:
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        hint = f"cameras.{config.id}.tls.ca must be a PEM file that this user may read" if config.tls.ca else ""
        raise SourceError(f"cannot use {file} as the list of trusted CAs: {reason}", hint) from None
    return context


def ca_file(config: CameraConfig) -> str:
    """The PEM file of the CAs to trust, the camera's or the system's. Raises SourceError when there is none."""
    if config.tls.ca is not None:
        return config.tls.ca
    for file in (ssl.get_default_verify_paths().cafile, *CA_FILES):
        if file is not None and Path(file).is_file():
            return file
    hint = f"install the package ca-certificates, or set cameras.{config.id}.tls.ca"
    raise SourceError("this system has no list of trusted CAs", hint)


def ffmpeg_options(config: CameraConfig) -> dict[str, str]:
    """FFmpeg verifies nothing by default, and its TLS library finds no CAs by itself. Raises SourceError."""
    if not config.encrypted:
        return {}
    if config.tls.insecure:
        return {"tls_verify": "0"}
    return {"tls_verify": "1", "ca_file": ca_file(config)}


def refusal(config: CameraConfig) -> SourceError | None:
    """Why TLS with an https:// camera fails, None when TLS is not to blame. FFmpeg says only "I/O error". Connects."""
    if not config.source.startswith("https://"):
        return None
    try:
        context = context_of(config)
        target = urlsplit(config.source)
        address = (target.hostname or "", target.port or HTTPS_PORT)
        with socket.create_connection(address, config.timeout) as plain, _wrap(plain, context, config):
            return None
    except SourceError as error:
        return error
    except OSError:
        return None


def handshake(config: CameraConfig) -> Callable[[socket.socket], ssl.SSLSocket]:
    """Makes TLS of a plain connection, or closes it: SourceError with the fix where TLS fails, OSError elsewhere."""
    return partial(_wrap, context=context_of(config), config=config)


def _wrap(plain: socket.socket, context: ssl.SSLContext, config: CameraConfig) -> ssl.SSLSocket:
    host = urlsplit(config.source).hostname
    secured = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    try:
        with contextlib.ExitStack() as failing:
            failing.callback(secured.close)
            _shake(secured, time.monotonic() + config.timeout)
            failing.pop_all()
    except ssl.SSLCertVerificationError as error:
        raise _not_accepted(error.verify_message, config) from None
    except ssl.SSLEOFError:
        raise SourceError("the camera ended the TLS handshake", _PLAIN.format(config.id)) from None
    except ssl.SSLError as error:
        raise SourceError(f"no TLS with the camera ({_words(error)})", _PLAIN.format(config.id)) from None
    return secured


def _shake(secured: ssl.SSLSocket, deadline: float) -> None:
    """The handshake, which as a whole has a deadline: of one that drips each byte is in time. Raises TimeoutError."""
    timeout = secured.gettimeout()
    secured.setblocking(False)
    nobody: list[ssl.SSLSocket] = []
    while True:
        try:
            secured.do_handshake()
            break
        except ssl.SSLWantReadError:
            reading, writing = [secured], nobody
        except ssl.SSLWantWriteError:
            reading, writing = nobody, [secured]
        if not any(select.select(reading, writing, [], max(0.0, deadline - time.monotonic()))):
            raise TimeoutError
    secured.settimeout(timeout)


_PLAIN = "this port may not use TLS: write http:// or rtsp:// in cameras.{}.source, or the right port"


def _words(error: ssl.SSLError) -> str:
    return (error.reason or "handshake failed").lower().replace("_", " ")


def _not_accepted(why: str, config: CameraConfig) -> SourceError:
    key = f"cameras.{config.id}"
    if "ostname" in why or "IP address" in why:
        host = urlsplit(config.source).hostname
        return SourceError(
            f"its certificate is not one for {host}", f"write a name or address that it holds in {key}.source"
        )
    if "expired" in why or "not yet valid" in why:
        return SourceError(f"its certificate is not accepted: {why}", "renew it, or set this device's clock")
    return SourceError(
        f"its certificate is not signed by a CA this system knows: {why}",
        f"set {key}.tls.ca to the PEM file of its CA, or of the certificate itself if it signed itself",
    )
