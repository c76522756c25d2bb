"""Commands about the device as a whole."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from agent.publish import payloads
from agent.publish.clock import clock_synced, clock_word, isotime
from agent.publish.commands.call import Refusal
from agent.runtime.commands.result import Accepted
from agent.runtime.status_file import status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.publish.commands.call import Caller
    from agent.runtime.commands.parts import Parts
    from agent.runtime.commands.result import Data

_LINES = 100


def ping(parts: Parts, _: Mapping[str, Any], __: Caller) -> Data:
    return {
        "at": isotime(time.time()),
        "clock": clock_word(clock_synced()),
        "boot_id": parts.info().boot_id,
        "uptime": parts.report.uptime(time.monotonic()),
    }


def info(parts: Parts, _: Mapping[str, Any], __: Caller) -> Data:
    """As the topic has it."""
    told: Data = json.loads(payloads.info(parts.info()))
    return told


def tail(parts: Parts, arguments: Mapping[str, Any], caller: Caller) -> Data:
    """Readers are told apart by the topic on which they want the answer."""
    level, ttl, rate = arguments["level"], arguments["ttl"], arguments["rate"]
    lines = parts.tail.lease(caller.topic or "", level, ttl, rate, arguments["filter"], time.monotonic())
    if lines is None:
        raise Refusal("busy", "too many read the log already; wait until a lease ends")
    return {"ttl": ttl, "level": level, "rate": rate, "filter": arguments["filter"], "lines": lines}


def log_level(parts: Parts, arguments: Mapping[str, Any], _: Caller) -> Data:
    """Until the restart."""
    parts.log.show(arguments["level"])
    parts.changed()
    return {"level": arguments["level"]}


def replay(parts: Parts, arguments: Mapping[str, Any], _: Caller) -> Accepted:
    """Events that were answered once, as far as they are still kept; those that wait are on their way anyway."""
    first, last = arguments["from"], arguments["to"]
    if not parts.outbox.replay(first, last):
        raise Refusal("busy", "other replays are under way; try again in a minute")
    return Accepted({"epoch": parts.outbox.epoch, "from": first, "to": last})


def restart(parts: Parts, _: Mapping[str, Any], __: Caller) -> Accepted:
    return Accepted({}, then=parts.restart)


def diagnostics(parts: Parts, arguments: Mapping[str, Any], caller: Caller) -> Data:
    """What somebody would ask for next, in one answer."""
    lines = parts.log.ring.last()[-_LINES:]
    return {
        "info": info(parts, arguments, caller),
        "config": json.loads(payloads.config_status(parts.reload.status())),
        "status": status(parts.report, parts.publisher, time.monotonic()),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "log": [json.loads(line.encoded()) for line in lines],
    }
