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
    from agent.publish.payloads import Info
    from agent.publish.tail.tail import Tail
    from agent.publish.topics import Topics
    from agent.runtime.log import Log
    from agent.runtime.pipeline import Pipeline
    from agent.runtime.reload.reload import Reload
    from agent.runtime.report import Report


@dataclass(slots=True)
class Parts:
    """config: as it runs, and another after a reload. info: what is told of the device now.

    changed: tells that, and the config's status, anew. wake: makes the main thread turn. restart: ends this run, and
    begins another.
    """

    config: Config
    topics: Topics
    publisher: Publisher
    outbox: Outbox
    report: Report
    pipeline: Pipeline
    reload: Reload
    leases: Leases
    tail: Tail
    log: Log
    info: Callable[[], Info]
    changed: Callable[[], None]
    wake: Callable[[], None]
    restart: Callable[[], None]
