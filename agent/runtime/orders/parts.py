"""All that commands act upon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.config.model import Config
    from agent.publish.leases import Leases
    from agent.publish.mqtt import Publisher
    from agent.publish.outbox import Outbox
    from agent.publish.payloads import ConfigStatus, Info
    from agent.publish.tail.tail import Tail
    from agent.publish.topics import Topics
    from agent.runtime.log import Log
    from agent.runtime.overrides import Overrides
    from agent.runtime.pipeline import Pipeline
    from agent.runtime.report import Report


@dataclass(frozen=True, slots=True)
class Parts:
    """config: as it runs. info, status: what is told of the device and its config now.

    changed: tells both anew. wake: makes the main thread turn. restart: ends this run, and begins another.
    """

    config: Config
    topics: Topics
    publisher: Publisher
    outbox: Outbox
    report: Report
    pipeline: Pipeline
    overrides: Overrides
    leases: Leases
    tail: Tail
    log: Log
    info: Callable[[], Info]
    status: Callable[[], ConfigStatus]
    changed: Callable[[], None]
    wake: Callable[[], None]
    restart: Callable[[], None]
