"""What a run that was killed has left unsaid: tracks that began, and whose end nobody told."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from agent.publish.events import Event

if TYPE_CHECKING:
    from collections.abc import Iterable

TYPES = "vedette.[tzl]*"
"""SQLite's GLOB of all that tells of a track: vedette.track.*, vedette.zone.* and vedette.line.*."""
MOST_TRACKS = 500

_UID = re.compile(rb'"track_uid":"([^"]+)"')
_OF_ONE_EVENT = ("zone", "seconds", "line", "direction", "clock")


def endings(rows: Iterable[tuple[str, bytes]], at: float, *, synced: bool) -> list[Event]:
    """The events still owed: each track leaves the zones it is in, then ends as `stopped`, as it was last told.

    rows: type and message of events, the newest first. at: wall clock, seconds since the epoch; synced: whether that
    clock can be believed. Of the oldest tracks, beyond `MOST_TRACKS`, nothing is told.
    """
    over: set[bytes] = set()
    last: dict[bytes, bytes] = {}
    inside: dict[bytes, dict[str, bool]] = {}
    spent: dict[tuple[bytes, str], float] = {}  # in the stays that are over
    for kind, body in rows:
        match = _UID.search(body)
        if match is None or (uid := match[1]) in over:
            continue
        if kind == "vedette.track.ended":
            over.add(uid)
            continue
        if uid not in last and len(last) >= MOST_TRACKS:
            continue
        last.setdefault(uid, body)
        if kind.startswith("vedette.zone."):
            data = json.loads(body)["data"]
            zone = data["zone"]
            inside.setdefault(uid, {}).setdefault(zone, kind.endswith("entered"))
            if kind.endswith("left"):
                spent[uid, zone] = spent.get((uid, zone), 0.0) + float(data["seconds"] or 0.0)
    told = []
    for uid, body in reversed(last.items()):
        message = json.loads(body)
        camera = str(message["source"]).split("/")[2]
        track = {key: value for key, value in message["data"].items() if key not in _OF_ONE_EVENT}
        track |= {"stale": True, "snapshot": None}
        for zone, there in inside.get(uid, {}).items():
            if there:
                left = {**track, "zone": zone, "seconds": max(0.0, _stay(track, zone) - spent.get((uid, zone), 0.0))}
                told.append(Event("vedette.zone.left", at, synced, left, camera))
        told.append(Event("vedette.track.ended", at, synced, {**track, "end_reason": "stopped"}, camera))
    return told


def _stay(track: dict[str, Any], zone: str) -> float:
    return next((float(stay["seconds"]) for stay in track["zones"] if stay["zone"] == zone), 0.0)
