"""The retained values that say how many: by camera, zone and label, and what crossed a line. Pure."""

from __future__ import annotations

from agent.publish.clock import isotime
from agent.publish.payloads import encode


def count(number: int, *, stale: bool, at: float) -> bytes:
    """How many confirmed tracks there are. stale: nobody could look lately, this is the last that was known.

    at: wall clock of the change.
    """
    return encode({"count": number, "stale": stale, "at": isotime(at)})


def occupancy(*, occupied: bool, stale: bool, since: float) -> bytes:
    """Whether somebody is there, with hysteresis. since: wall clock of the last change."""
    return encode({"occupied": occupied, "stale": stale, "since": isotime(since)})


def line_count(into: int, out: int, *, since: float, at: float) -> bytes:
    """Totals that only grow. since: wall clock of the first count; at: of the last."""
    return encode({"in": into, "out": out, "since": isotime(since), "at": isotime(at)})
