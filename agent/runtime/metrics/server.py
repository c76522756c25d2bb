"""Answers Prometheus over HTTP: a few at a time, each for a few seconds at most, and nobody else's address."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

log = logging.getLogger("vedette.metrics")

AT_ONCE = 4
"""Who comes while so many are answered is turned away: one Prometheus asks every few seconds."""
PATIENCE_S = 3.0
"""For a request to be read and its answer taken, all in all."""


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._due: dict[Any, float] = {}
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread to be had: nobody else gives the place back
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        threading.current_thread().name = "metrics-answer"
        self._due[request] = time.monotonic() + PATIENCE_S
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._due.pop(request, None)
            self._room.release()

    def service_actions(self) -> None:
        """Called several times a second: one who sends a byte now and then is not waited for either."""
        now = time.monotonic()
        for request, due in list(self._due.items()):
            if now >= due:
                with contextlib.suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def server_bind(self) -> None:
        """Without asking the resolver for this machine's name, as `HTTPServer` does: nobody needs it here."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - a client that went is no news
        log.debug("a metrics client disconnected")


class Server:
    """One thread, `metrics`, and up to AT_ONCE more while they answer. Raises OSError where it cannot listen."""

    def __init__(self, address: tuple[str, int], collector: Collector) -> None:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(collector)
        self._http = _Server(address, _handler(registry))
        self.port = int(self._http.server_address[1])
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.2,), name="metrics", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Within half a second."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(1.0)


def _handler(registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Answer(BaseHTTPRequestHandler):
        timeout = PATIENCE_S
        server_version = sys_version = ""

        def do_GET(self) -> None:
            if self.path.partition("?")[0] not in {"/", "/metrics"}:
                self.send_error(404)
                return
            body = generate_latest(registry)
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE_LATEST)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            log.debug(format, *args)

    return Answer
