"""Which checks there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.runtime.doctor.clock import clock
from agent.runtime.doctor.daemon import daemon
from agent.runtime.doctor.network import reach, settings, tls
from agent.runtime.doctor.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.config.model import Config
    from agent.runtime.doctor.finding import Finding


def examine(config: Config, *, broker: bool, client_id: str | None = None) -> Iterator[Finding]:
    """The findings, as they are made. Nothing retained is touched. Each step has a deadline; the resolver has its own.

    client_id: to come to the broker with; default: one that nobody else has.
    """
    yield from clock(config)
    if broker:
        for step in _way(client_id):
            found = []
            for finding in step(config):
                found.append(finding)
                yield finding
            if any(finding.state == "failed" for finding in found):
                break  # what follows needs it
    yield from daemon(config)


def _way(client_id: str | None) -> tuple[Callable[[Config], Iterator[Finding]], ...]:
    """To the broker, step by step."""
    return settings, reach, tls, Session(client_id).findings
