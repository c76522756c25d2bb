"""The list of `vedette fleet`, for people and for programs. Pure: rows in, text out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from agent.publish.summary import FEW
from agent.tools.fleet.rows import STATES
from agent.tools.watch.table import fitted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.tools.fleet.rows import Row
    from agent.tools.fleet.state import Fleet

UNKNOWN, NONE = "?", "-"
"""Not heard; and not to be expected, since the device is offline."""
_HEAD = ("device", "state", "fps", "alerts", "outbox", "version", "model", "")
_RIGHT = {"fps", "alerts", "outbox"}
_NARROW = {"version": 12, "model": 16}
_LEAST_NAME, _LEAST_DETAIL = 12, 16
_RED, _YELLOW, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[0m"
_COLOURS = {"blind": _RED, "offline": _RED, "degraded": _YELLOW, "unknown": _YELLOW}
_WORST = ("error", "warning", "info")


def table(rows: Sequence[Row], fleet: Fleet, width: int, *, colours: bool = False) -> list[str]:
    """width: columns of the terminal. The last column, what is wrong, is shown where there is room for it."""
    lines: list[str] = []
    if rows:
        cells = [_HEAD, *map(_cells, rows)]
        widths = _widths(cells, width)
        drawn = fitted((_line(own, widths) for own in cells), width, len(cells))
        lines.append(drawn[0])
        for row, line in zip(rows, drawn[1:], strict=True):
            colour = _COLOURS.get(row.state, _YELLOW if row.troubled else "") if colours else ""
            lines.append(f"{colour}{line}{_PLAIN}" if colour else line)
        lines.append("")
    return [*lines, *summary(rows, fleet)]


def summary(rows: Sequence[Row], fleet: Fleet) -> Iterator[str]:
    """How many of each state, and what the list is worth."""
    states = Counter(row.state for row in rows)
    told = ", ".join(f"{states[state]} {state}" for state in STATES if states[state])
    hidden = len(fleet.devices) - len(rows)
    of = f" of {len(fleet.devices)}" if hidden else ""
    yield f"{len(rows)}{of} device{'s' * (len(fleet.devices) != 1)}" + (f": {told}" if told else "")
    if incomplete := sum(bool(row.unknown) for row in rows):
        topics = ", ".join(sorted({topic for row in rows for topic in row.unknown}))
        yield f"{incomplete} incomplete: the broker does not have all of their {topics}; ? is unknown, not none"
    yield from map(printable, fleet.notes)


def document(rows: Sequence[Row], fleet: Fleet) -> dict[str, Any]:
    """For programs: null is what is not known."""
    states = Counter(row.state for row in rows)
    return {
        "devices": [_object(row) for row in rows],
        "states": {state: states[state] for state in STATES},
        "heard": len(fleet.devices),
        "incomplete": sum(bool(row.unknown) for row in rows),
        "whole": fleet.whole and not fleet.beyond and not fleet.refused,
        "notes": fleet.notes,
    }


def _object(row: Row) -> dict[str, Any]:
    return {
        "device": row.name,
        "state": row.state,
        "fps": None if row.fps is None else round(row.fps, 1),
        "alerts": row.alerts,
        "outbox": row.outbox,
        "version": row.version,
        "models": None if row.models is None else list(row.models),
        "cameras": row.cameras,
        "engines": row.engines,
        "unknown": list(row.unknown),
        "notes": list(row.notes),
    }


def _cells(row: Row) -> tuple[str, ...]:
    silent = NONE if row.state == "offline" else UNKNOWN
    models = None if row.models is None else " ".join(row.models) or NONE
    return (
        printable(row.name),
        row.state,
        silent if row.fps is None else f"{row.fps:.1f}",
        _alerts(row, silent),
        silent if row.outbox is None else str(row.outbox),
        printable(row.version or UNKNOWN),
        printable(models or UNKNOWN),
        printable("; ".join(_details(row))),
    )


def _alerts(row: Row, silent: str) -> str:
    if row.alerts is not None:
        return str(len(row.alerts))
    return f"{len(row.heard)}+?" if row.heard else silent


def _details(row: Row) -> Iterator[str]:
    """The worst first."""
    alerts = sorted(row.heard.items(), key=lambda alert: (_WORST.index(alert[1]), alert[0]))
    yield from (f"{severity} {name}" if severity == "error" else name for name, severity in alerts)
    if row.state in {"degraded", "blind"}:
        yield from (f"{name} {state}" for name, state in sorted(row.cameras.items()) if state != "online")
        yield from (f"{name} {state}" for name, state in sorted(row.engines.items()) if state != "serving")
    if row.outbox is not None and row.outbox >= FEW:
        yield "events wait"
    if row.unknown:
        yield f"no {', '.join(row.unknown)}"
    yield from row.notes


def _widths(cells: Sequence[tuple[str, ...]], width: int) -> list[int]:
    """What is left of the width goes to the names first, and then to what is wrong."""
    widest = [max(len(row[n]) for row in cells) for n in range(len(_HEAD))]
    widest = [min(wide, _NARROW.get(head, wide)) for head, wide in zip(_HEAD, widest, strict=True)]
    fixed = sum(widest[1:-1]) + 2 * (len(_HEAD) - 2)
    widest[0] = min(widest[0], max(_LEAST_NAME, width - fixed))
    room = width - fixed - widest[0] - 2
    widest[-1] = min(widest[-1], room) if room >= _LEAST_DETAIL else 0
    return widest


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    shown = [fitted([cell], width, 1)[0] if width else "" for cell, width in zip(cells, widths, strict=True)]
    padded = [
        cell.rjust(width) if head in _RIGHT else cell.ljust(width)
        for cell, width, head in zip(shown, widths, _HEAD, strict=True)
    ]
    return "  ".join(padded).rstrip()
