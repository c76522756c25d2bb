"""TLS in front of a plain server of the same machine, as a camera's own."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError, ValueError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            socket.socket.shutdown(end, socket.SHUT_RDWR)


def _serve(client: socket.socket, port: int, context: ssl.SSLContext) -> None:
    client.settimeout(10)
    try:
        secure = context.wrap_socket(client, server_side=True)
    except OSError:
        client.close()
        return
    with secure, socket.create_connection(("127.0.0.1", port), 10) as server:
        back = threading.Thread(target=_pump, args=(server, secure))
        back.start()
        _pump(secure, server)
        back.join(10)


@contextmanager
def tls_front(port: int, certificates: Path) -> Iterator[int]:
    """Its port. certificates: the folder of `make_certificates`. port: of the plain server behind it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threads.append(threading.Thread(target=_serve, args=(listener.accept()[0], port, context)))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        acceptor.join(10)
        listener.close()
        for thread in threads:
            thread.join(10)
