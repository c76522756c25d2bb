"""The table of `vedette watch`. Pure: state in, lines out."""

from __future__ import annotations

import textwrap
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent.tools.watch.state import Crossings, Watched, WatchedCamera, WatchedDevice, WatchedTrack

_MOST_TRACKS = 8
_MOST_LABELS = 12
_FEWEST_EVENTS = 3
_ALERT = "  ALERT "
_MOST_LINES = 5
"""Of one alert: its cause stands at the end of a long one, behind the place in the file."""


def table(watched: Watched, now: float) -> list[str]:
    """All that is known, device by device. now: time.monotonic()."""
    if not watched.devices:
        return ["nothing has been heard of any device yet"]
    return [row for name, device in sorted(watched.devices.items()) for row in (*_device(name, device, now), "")]


def screen(watched: Watched, now: float, width: int, height: int, notice: str = "") -> list[str]:
    """What of it, and of the last events, a terminal of this size can show. notice: stands above it."""
    rows = [*([*_folded(notice, width), ""] if notice else [])]
    for row in table(watched, now):
        rows += _folded(row, width) if row.startswith(_ALERT) else [row]
    room = max(height - len(rows), min(_FEWEST_EVENTS, height - 1), 0)
    events = list(watched.events)[-room:] if room else []
    return fitted(rows, width, height - len(events)) + fitted(events, width, height)


def fitted(rows: Iterable[str], width: int, height: int) -> list[str]:
    """The rows, none wider than `width` columns, and at most `height` of them."""
    kept = list(rows)
    if len(kept) > height:
        kept = [*kept[: height - 1], f"... {len(kept) - height + 1} more lines"][: max(height, 0)]
    return [_cut(printable(row), width) for row in kept]


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(
        printable(text), max(width, 20), subsequent_indent=" " * 4, break_on_hyphens=False, max_lines=_MOST_LINES
    )


def printable(text: str) -> str:
    """Payloads come from anybody: no escape sequence reaches the terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _cut(text: str, width: int) -> str:
    if sum(map(_columns, text)) <= width:
        return text
    left, kept = width - 1, ""
    for char in text:
        left -= _columns(char)
        if left < 0:
            break
        kept += char
    return f"{kept}\u2026" if width > 0 else ""


def _columns(char: str) -> int:
    """How wide a terminal draws it, https://www.unicode.org/reports/tr11/; too wide rather than too narrow."""
    return 2 if unicodedata.east_asian_width(char) in "WFA" and not char.isascii() else 1


def _device(name: str, device: WatchedDevice, now: float) -> list[str]:
    known = "" if device.status == "online" else "what follows is the last known state"
    version = f"vedette {device.version}" if device.version else ""
    rows = ["  ".join(filter(None, [name, device.status or "unknown", version, known]))]
    rows += ["  ".join(filter(None, [f"  engine {engine}", *said])) for engine, said in sorted(device.engines.items())]
    rows += [f"{_ALERT}{subject}  {text}" for subject, text in sorted(device.alerts.items())]
    for camera, seen in sorted(device.cameras.items()):
        rows += _camera(camera, seen, now)
    return rows


def _camera(name: str, camera: WatchedCamera, now: float) -> list[str]:
    rates = "" if camera.rates is None else f"{camera.rates[0]:.1f} fps in, {camera.rates[1]:.1f} inferred"
    runs = " on ".join(filter(None, [camera.model, camera.engine]))
    unknown = f"not inferred: {camera.unknown}" if camera.unknown else ""
    rows = ["  ".join(filter(None, [f"  {name}", camera.status or "unknown", rates, runs, unknown]))]
    rows += [_place(camera, where) for where in sorted({where for where, _ in (*camera.counts, *camera.occupancies)})]
    rows += [
        f"    line {line}: {_crossings(camera.crossings, line)}" for line in sorted({k for k, _ in camera.crossings})
    ]
    shown = sorted(camera.tracks.values(), key=lambda track: track.track_id)
    rows += [_track(track, now) for track in shown[-_MOST_TRACKS:]]
    if len(shown) > _MOST_TRACKS:
        rows.append(f"      and {len(shown) - _MOST_TRACKS} more tracks")
    return rows


def _place(camera: WatchedCamera, where: str) -> str:
    """The whole picture, or a zone: how many of each label, who is known to be there, and what is not certain."""
    found = []
    for label in sorted({label for place, label in (*camera.counts, *camera.occupancies) if place == where}):
        count, there = camera.counts.get((where, label)), camera.occupancies.get((where, label))
        words = [label, *([str(count.number)] if count else [])]
        if there and there.occupied:
            words.append("not vacant yet" if count and not count.number else "occupied")
        words += ["(stale)"] * bool((count and count.stale) or (there and there.stale))
        found.append(" ".join(words))
    return f"    {where or 'whole picture'}: {_some(found)}"


def _crossings(crossings: Mapping[tuple[str, str], Crossings], line: str) -> str:
    return _some([f"{k[1]} in {c.into} out {c.out}" for k, c in sorted(crossings.items(), key=str) if k[0] == line])


def _some(words: list[str]) -> str:
    more = f"and {len(words) - _MOST_LABELS} more" if len(words) > _MOST_LABELS else ""
    return ", ".join(filter(None, [*words[:_MOST_LABELS], more]))


def _track(track: WatchedTrack, now: float) -> str:
    words = [f"#{track.track_id}", track.label, f"{track.confidence:.2f}", _span(track.age(now)), *sorted(track.inside)]
    return "      " + "  ".join([*words, *["stationary"] * track.stationary, *["stale"] * track.stale])


def _span(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
