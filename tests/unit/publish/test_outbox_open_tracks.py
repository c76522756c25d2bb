"""Tracks of a run that was killed: the next one tells their end, once."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from agent.config.model import MqttConfig, OutboxConfig
from agent.publish.events import Event, Numbered, TrackData, event_message
from agent.publish.message import Message
from agent.publish.mqtt import Publisher
from agent.publish.outbox import Outbox, open_tracks
from agent.publish.outbox.opening import FILE
from agent.publish.topics import Topics
from tests.support.contract import violation

if TYPE_CHECKING:
    from pathlib import Path

TOPICS = Topics("", "gate-pi")
AT = 1_790_000_000.0


def track(kind: str, number: int, *, zone: str = "", end_reason: str | None = None, **more: Any) -> Event:
    zones = more.pop("zones", [("porch", 4.5)] if zone else [])
    data = TrackData(
        uid=f"aa-{number}",
        track_id=number,
        label="person",
        class_id=0,
        confidence=0.8,
        best_confidence=0.9,
        box=more.pop("box", (0.1, 0.2, 0.3, 0.4)),
        first_seen=AT - 9,
        last_seen=AT,
        duration=9.0,
        stationary=False,
        stale=False,
        zones=zones,
        lines=[],
        path=[(0.0, 0.2, 0.4)],
        frame=(768, 576),
        model="person",
        model_rev="7a23982e",
        zone=zone,
        seconds=2.0 if zone else 0.0,
        end_reason=end_reason,
        **more,
    )
    return Event(f"vedette.{kind}", AT, True, data, "yard")


def rows(*told: Event) -> list[tuple[str, bytes]]:
    """As they lie in the outbox, the newest first."""
    messages = [(e.type, event_message(e, Numbered("aa", n), "gate-pi")) for n, e in enumerate(told, 1)]
    return messages[::-1]


def owed(*told: Event) -> list[tuple[str, int, str]]:
    """Type, track and zone of what is told."""
    found = open_tracks.endings(rows(*told))
    return [(e.type.removeprefix("vedette."), e.data["track_id"], e.data.get("zone", "")) for e in found]  # type: ignore[index,union-attr]


def test_what_ended_is_not_ended_again() -> None:
    assert owed(track("track.started", 1), track("track.ended", 1, end_reason="left")) == []


def test_an_open_track_ends_as_it_was_last_told() -> None:
    """With all its decimals, and when the run before was last heard of: not as news of the start."""
    ended = replace(track("track.ended", 1, end_reason="left"), at=AT + 7, synced=False)
    told = track("track.started", 1), track("track.started", 2, box=(0.12345, 0.2, 0.3, 0.4)), ended
    (end,) = open_tracks.endings(rows(*told))
    message = event_message(end, Numbered("aa", 9), "gate-pi")
    body = json.loads(message)
    assert violation(Message(TOPICS.events, message, 1, False, None, 0.0)) is None
    assert (body["source"], body["data"]["track_uid"], body["data"]["end_reason"]) == (
        "vedette/gate-pi/yard",
        "aa-2",
        "stopped",
    )
    assert body["data"]["stale"] is True
    assert (body["time"], body["data"]["clock"]) == ("2026-09-21T14:13:27.000Z", "unsynced")
    assert body["data"]["box"] == [0.12345, 0.2, 0.3, 0.4]
    assert (body["data"]["first_seen"], body["data"]["duration"]) == ("2026-09-21T14:13:11.000Z", 9.0)


def test_it_leaves_the_zones_it_is_in_before_it_ends() -> None:
    told = (
        track("track.started", 1),
        track("zone.entered", 1, zone="porch"),
        track("zone.entered", 1, zone="yard"),
        track("zone.left", 1, zone="yard"),
        track("track.updated", 1, zones=[("porch", 7.5)]),
    )
    assert owed(*told) == [("zone.left", 1, "porch"), ("track.ended", 1, "")]
    left, end = open_tracks.endings(rows(*told))
    assert left.data["seconds"] == 7.5  # type: ignore[index]
    for event in (left, end):
        message = event_message(event, Numbered("aa", 9), "gate-pi")
        assert violation(Message(TOPICS.events, message, 1, False, None, 0.0)) is None
    assert "zone" not in end.data  # type: ignore[operator]


def test_a_stay_is_told_by_itself_and_not_with_those_before() -> None:
    told = (
        track("track.started", 1),
        track("zone.entered", 1, zone="porch", zones=[("porch", 0.0)]),
        track("zone.left", 1, zone="porch", zones=[("porch", 2.0)]),
        track("zone.entered", 1, zone="porch", zones=[("porch", 2.0)]),
        track("track.updated", 1, zones=[("porch", 7.5)]),
    )
    left, _ = open_tracks.endings(rows(*told))
    assert left.data["seconds"] == 5.5  # type: ignore[index]


def test_the_oldest_of_very_many_are_left_out() -> None:
    found = owed(*(track("track.started", n) for n in range(open_tracks.MOST_TRACKS + 20)))
    assert [number for _, number, _ in found] == list(range(20, open_tracks.MOST_TRACKS + 20))


_KINDS = st.sampled_from(["track.started", "track.updated", "track.ended", "zone.entered", "zone.left", "line.crossed"])


@given(st.lists(st.tuples(_KINDS, st.integers(1, 3), st.sampled_from("ab")), max_size=30))
def test_after_it_nothing_is_open(told: list[tuple[str, int, str]]) -> None:
    events = [
        track(
            kind, number, zone=zone if kind.startswith("zone") else "", end_reason="lost" if "ended" in kind else None
        )
        for kind, number, zone in told
    ]
    more = open_tracks.endings(rows(*events))
    assert open_tracks.endings(rows(*events, *more)) == []
    assert all(isinstance(event.data, dict) for event in more)


def run(folder: Path, *events: Event) -> list[tuple[str, int]]:
    """One run of the outbox over `events`; type and seq of all that lies there afterwards."""
    outbox = Outbox(OutboxConfig(), "gate-pi", TOPICS, Publisher(MqttConfig(), "gate-pi"), folder)
    outbox.start()
    for event in events:
        assert outbox.put(event)
    outbox.finish(5.0)
    outbox.stop(5.0)
    with closing(sqlite3.connect(folder / FILE)) as db:
        return list(db.execute("SELECT substr(type, 9), seq FROM events ORDER BY n"))


def test_the_next_run_says_it_first_and_the_one_after_not_again(tmp_path: Path) -> None:
    started = Event("vedette.agent.started", time.time(), True, {"version": "1"})
    run(tmp_path, started, track("track.started", 1), track("zone.entered", 1, zone="porch"))
    told = run(tmp_path, started)
    assert told[3:] == [("zone.left", 4), ("track.ended", 5), ("agent.started", 6)]
    assert len(run(tmp_path, started)) == 7


def test_a_damaged_row_is_passed_over(tmp_path: Path) -> None:
    run(tmp_path, track("track.started", 1), track("track.started", 2))
    with closing(sqlite3.connect(tmp_path / FILE)) as db, db:
        db.execute("UPDATE events SET body = CAST(? AS BLOB) WHERE n = 2", ('"track_uid":"aa-2" {',))
    assert [kind for kind, _ in run(tmp_path)].count("track.ended") == 1
