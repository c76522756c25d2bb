"""A way to a broker that can be cut, refused, or left half open."""

from __future__ import annotations

import select
import socket
import struct
import threading
from contextlib import suppress

from tests.support.brokers import HOST

_CHUNK = 65536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST


class Proxy:
    """Forwards TCP from `port` to another port on loopback, on a thread of its own.

    `refuse` ends every connection by a reset, and refuses new ones until `accept`. `stall` leaves those there are
    open, and carries nothing over them any more: neither data nor their end; new ones work.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener: socket.socket | None = None
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._stalled: list[socket.socket] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.port = 0
        self.accept()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def accept(self) -> None:
        with self._lock:
            if self._listener is None:
                listener = socket.socket()
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((HOST, self.port))
                listener.listen(16)
                self.port = listener.getsockname()[1]
                self._listener = listener

    def refuse(self) -> None:
        with self._lock:
            if self._listener is not None:
                self._listener.close()
                self._listener = None
            self._end(list(self._pairs))

    def stall(self) -> None:
        with self._lock:
            self._stalled += list(self._pairs)
            self._pairs.clear()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self.refuse()
        for sock in self._stalled:
            sock.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                watched = [*self._pairs, *([self._listener] if self._listener else [])]
            try:
                readable, _, _ = select.select(watched, [], [], 0.02)
            except (OSError, ValueError):  # closed in between
                continue
            with self._lock:
                for sock in readable:
                    if sock is self._listener:
                        self._open(sock)
                    elif sock in self._pairs:
                        self._carry(sock)

    def _open(self, listener: socket.socket) -> None:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        try:
            far = socket.create_connection((HOST, self._target), 1)
        except OSError:
            near.close()
            return
        for sock in (near, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._pairs[near], self._pairs[far] = far, near

    def _carry(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(_CHUNK)
            self._pairs[sock].sendall(data)
        except OSError:
            data = b""
        if not data:
            self._end([sock, self._pairs[sock]])

    def _end(self, socks: list[socket.socket]) -> None:
        for sock in socks:
            self._pairs.pop(sock, None)
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            sock.close()
