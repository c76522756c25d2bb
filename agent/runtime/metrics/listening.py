"""Listens where the config says, as long as it does; an address that cannot be had is tried again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from agent.backoff import Backoff
from agent.runtime.faults import DEVICE
from agent.runtime.raised import Fault, Subject

if TYPE_CHECKING:
    from agent.publish.mqtt import Publisher
    from agent.runtime.faults import Faults
    from agent.runtime.metrics.server import Server
    from agent.runtime.report import Report

log = logging.getLogger("vedette.metrics")


class Metrics:
    """For the main thread."""

    def __init__(self, report: Report, publisher: Publisher) -> None:
        self._report = report
        self._publisher = publisher
        self._server: Server | None = None
        self._wanted: tuple[str, int] | None = None
        self._backoff = Backoff(1.0, 60.0)
        self._retry_at = 0.0
        self._error = ""

    def turn(self, now: float, listen: tuple[str, int] | None) -> Faults:
        """About once a second. listen: host and port, None for nowhere. now: time.monotonic()."""
        if listen != self._wanted:
            self.stop()
            self._wanted, self._retry_at = listen, 0.0
            self._backoff.reset()
        if self._wanted is not None and self._server is None and now >= self._retry_at:
            self._start(self._wanted, now)
        if not self._error:
            return {}
        hint = "free that address, or give another in metrics.listen"
        return {Subject("metrics", DEVICE): Fault("warning", self._error, hint)}

    def stop(self) -> None:
        server, self._server, self._error = self._server, None, ""
        if server is not None:
            server.stop()

    def _start(self, address: tuple[str, int], now: float) -> None:
        from agent.runtime.metrics.collector import Daemon
        from agent.runtime.metrics.server import Server

        host, port = address
        try:
            self._server = Server(address, Daemon(self._report, self._publisher))
        except OSError as e:
            self._retry_at = now + self._backoff.delay()
            error = f"cannot listen at {host}:{port} for Prometheus: {e.strerror or e}"
            if error != self._error:
                log.warning("%s", error)
            self._error = error
            return
        self._error = ""
        log.info("metrics for Prometheus at http://%s:%d/metrics", f"[{host}]" if ":" in host else host, port)
