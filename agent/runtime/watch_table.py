"""The table of `vedette watch`. Pure: state in, lines out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent.runtime.watched import Watched, WatchedCamera, WatchedDevice

_MOST_TRACKS = 8


def lines(watched: Watched) -> list[str]:
    """All that is known, device by device."""
    if not watched.devices:
        return ["nothing has been heard of any device yet"]
    found: list[str] = []
    for name, device in sorted(watched.devices.items()):
        found += [*_device(name, device), ""]
    return [*found, *watched.events]


def fitted(rows: Iterable[str], width: int, height: int) -> list[str]:
    """What of them a terminal can show."""
    kept = [_printable(row) for row in rows]
    kept = [row if len(row) <= width else row[: width - 1] + "\u2026" for row in kept]
    if len(kept) > height:
        kept = [*kept[: height - 1], f"... {len(kept) - height + 1} more lines"]
    return kept


def _printable(text: str) -> str:
    """Payloads are strangers' words: no escape sequence reaches the terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _device(name: str, device: WatchedDevice) -> list[str]:
    head = f"{name}  {device.status or 'unknown'}" + (f"  vedette {device.version}" if device.version else "")
    rows = [head]
    rows += [
        f"  engine {engine}  {body.get('state')}" + (f"  {body['cause']}" if body.get("cause") else "")
        for engine, body in sorted(device.engines.items())
    ]
    rows += [f"  ALERT {subject}  {body.get('text')}" for subject, body in sorted(device.alerts.items())]
    for camera, seen in sorted(device.cameras.items()):
        rows += _camera(camera, seen)
    return rows


def _camera(name: str, camera: WatchedCamera) -> list[str]:
    rates = "" if camera.rates is None else f"  {camera.rates[0]:.1f} fps in, {camera.rates[1]:.1f} inferred"
    model = f"  {camera.state['model']}" if camera.state.get("model") else ""
    unknown = f"  not inferred: {camera.unknown}" if camera.unknown else ""
    rows = [f"  {name}  {camera.status or 'unknown'}{rates}{model}{unknown}"]
    places = {where for where, _ in (*camera.counts, *camera.occupied)}
    for where in sorted(places):
        counts = _by_label(camera.counts, where, lambda body: f"{body.get('count')}{_stale(body)}")
        there = _by_label(camera.occupied, where, lambda body: "" if not body.get("occupied") else "occupied")
        what = "  ".join(f"{label} {value}" for label, value in counts.items())
        rows.append(f"    {where or 'whole picture'}: {what or '-'}" + ("  occupied" if any(there.values()) else ""))
    totals: dict[str, list[str]] = {}
    for (line, label), body in sorted(camera.lines.items()):
        totals.setdefault(line, []).append(f"{label} in {body.get('in')} out {body.get('out')}")
    rows += [f"    line {line}: {'  '.join(values)}" for line, values in totals.items()]
    shown = sorted(camera.tracks.values(), key=lambda track: track.track_id)
    for track in shown[-_MOST_TRACKS:]:
        words = [f"#{track.track_id}", track.label, f"{track.confidence:.2f}", f"{track.duration:.0f} s", *track.zones]
        words += ["stationary"] * track.stationary + ["stale"] * track.stale
        rows.append("      " + "  ".join(words))
    if len(shown) > _MOST_TRACKS:
        rows.append(f"      and {len(shown) - _MOST_TRACKS} more tracks")
    return rows


def _by_label(values: Mapping[tuple[str, str], dict[str, Any]], where: str, word: Any) -> dict[str, str]:
    return {label: word(body) for (place, label), body in sorted(values.items()) if place == where}


def _stale(body: Mapping[str, Any]) -> str:
    return " (stale)" if body.get("stale") else ""
