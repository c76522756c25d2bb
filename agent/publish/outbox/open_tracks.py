"""What a run that was killed has left unsaid: tracks that began, and whose end nobody told."""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

from agent.publish.clock import clock_word, from_isotime
from agent.publish.events import Event

if TYPE_CHECKING:
    from collections.abc import Iterable

TYPES = "vedette.[tzl]*"
"""SQLite's GLOB of all that tells of a track: vedette.track.*, vedette.zone.* and vedette.line.*."""
MOST_TRACKS = 500

_UID = re.compile(rb'"track_uid":"([^"]+)"')
_OF_ONE_EVENT = ("zone", "seconds", "line", "direction", "clock")


def endings(rows: Iterable[tuple[str, bytes]]) -> list[Event]:
    """The events still owed: each track leaves the zones it is in, then ends as `stopped`, as it was last told.

    It happened when the run before told the last of its tracks, as far as anybody knows. rows: type and message of
    events, the newest first. Of the oldest tracks, beyond `MOST_TRACKS`, nothing is told.
    """
    rows = iter(rows)
    newest = next(rows, None)
    if newest is None:
        return []
    message = json.loads(newest[1])
    at, synced = from_isotime(message["time"]), message["data"]["clock"] == clock_word(synced=True)
    told = []
    for last, stays in _open(chain([newest], rows)):
        camera = str(last["source"]).split("/")[2]
        track = {key: value for key, value in last["data"].items() if key not in _OF_ONE_EVENT}
        track |= {"stale": True, "snapshot": None}
        for zone, before in stays.items():
            left = {**track, "zone": zone, "seconds": max(0.0, _stay(track, zone) - before)}
            told.append(Event("vedette.zone.left", at, synced, left, camera, worded=True))
        ended = {**track, "end_reason": "stopped"}
        told.append(Event("vedette.track.ended", at, synced, ended, camera, worded=True))
    return told


def _open(rows: Iterable[tuple[str, bytes]]) -> list[tuple[dict[str, Any], dict[str, float]]]:
    """The tracks without an end, the oldest first: the last that was told of each, and the zones it is in.

    By zone: the seconds of former stays there.
    """
    over: set[bytes] = set()
    last: dict[bytes, bytes] = {}
    inside: dict[bytes, dict[str, bool]] = {}
    spent: dict[tuple[bytes, str], float] = {}
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
    return [
        (json.loads(body), {zone: spent.get((uid, zone), 0.0) for zone, there in inside.get(uid, {}).items() if there})
        for uid, body in reversed(last.items())
    ]


def _stay(track: dict[str, Any], zone: str) -> float:
    return next((float(stay["seconds"]) for stay in track["zones"] if stay["zone"] == zone), 0.0)
