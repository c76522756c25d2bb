"""Reports as a person reads them. Pure: values in, text out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backends.registry import Report

_ON_THE_WAY_S = 1.0
"""What has waited for less is as good as sent."""
_COLUMN = 80


def table(rows: Iterable[Sequence[object]]) -> str:
    """Left-aligned columns, two spaces between; the first row is the head."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))] if cells else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def status(value: Mapping[str, Any]) -> str:
    lines = [
        (
            f"{value['device']}  vedette {value['version']}  pid {value['pid']}  up {value['uptime']:.0f} s  "
            f"{value['rss'] / 1e6:.0f} MB  broker {_broker(value['mqtt'])}{_waiting(value['outbox'])}"
        )
    ]
    rows: list[Sequence[object]] = [("camera", "status", "fps in", "inferred", "dropped", "decoder", "")]
    rows += [
        (
            camera,
            c["status"],
            f"{c['fps_in']:.1f}",
            f"{c['fps_inferred']:.1f}",
            " ".join(f"{cause}:{n}" for cause, n in c["drops"].items() if n) or "0",
            c["decoder"] or "-",
            _cut(c["error"] or ""),
        )
        for camera, c in value["cameras"].items()
    ]
    lines.append(table(rows))
    rows = [("engine", "state", "p50 ms", "p99 ms", "restarts", "")]
    rows += [
        (engine, e["state"], e["p50_ms"] or "-", e["p99_ms"] or "-", e["restarts"], _remarks(e))
        for engine, e in value["engines"].items()
    ]
    lines.append(table(rows))
    if value["config"]["state"] != "ok" or value["config"]["overrides"] or from_afar(value["config"]):
        lines.append(config(value["config"]))
    return "\n\n".join(filter(None, [*lines, "\n".join(map(_alert, value["alerts"]))]))


def _alert(value: Mapping[str, Any]) -> str:
    """With what to do about it in a line of its own."""
    hint = value.get("hint")
    text = f"{value['severity'].upper()} {value['code']}/{value['subject']}: {value['text']}"
    return f"{text}\n  {hint}" if hint else text


def from_afar(value: Mapping[str, Any]) -> bool:
    """Whether what runs is no text of the config file's. value: as `config/status` has it."""
    return bool(value["state"] == "ok" and value["running_hash"] != value["file_hash"])


def config(value: Mapping[str, Any]) -> str:
    """As `config/status` has it."""
    said = {
        "ok": "is what runs",
        "rejected": "is not used: the previous config keeps running",
        "pending": "is being tried",
        "running_last_good": "is not used: the last config that worked runs",
        "rolled_back": "runs again: the config sent over MQTT was rolled back",
    }
    word = said.get(value["state"], value["state"])
    if from_afar(value):
        word += ": it came over MQTT, and replaces the config file until that is edited"
    # What runs may have come over MQTT: then another file is refused than the one that runs.
    refused = value["state"] == "rejected" and value["errors"]
    lines = [f"{value['errors'][0]['file'] if refused else value['file']} {word}"]
    for error in value["errors"]:
        place = f"{error['file']}:{error['line']}:{error['column']}" if error["line"] else error["file"]
        lines.append(f"  {place}: {': '.join(filter(None, (error['key'], error['message'])))}")
    lines += [
        f"  {o['key']} is {json.dumps(o['value'])} by command, not {json.dumps(o['file_value'])}"
        for o in value["overrides"]
    ]
    return "\n".join(lines)


def _waiting(outbox: Mapping[str, Any]) -> str:
    """What the broker has yet to be told, and should have been."""
    depth, age = outbox["depth"], outbox["age"] or 0.0
    if not depth or age < _ON_THE_WAY_S:
        return ""
    if depth == 1:
        return f"; 1 event waits, for {age:.0f} s"
    return f"; {depth} events wait, the oldest for {age:.0f} s"


def _remarks(engine: Mapping[str, Any]) -> str:
    """`no fallback`: only chips run this model, so nothing is seen while they are away."""
    return _cut("; ".join(filter(None, (engine["cause"], "no fallback" if engine.get("no_fallback") else ""))))


def _cut(text: str) -> str:
    """For a column of a table, with its end, where the reason stands; an alert has the whole."""
    return text if len(text) <= _COLUMN else f"{text[: _COLUMN // 2 - 1]}\u2026{text[-_COLUMN // 2 :]}"


def _broker(mqtt: Mapping[str, Any]) -> str:
    if mqtt.get("connected"):
        return f"connected, {mqtt.get('sent', 0)} sent"
    return f"not connected: {mqtt.get('last_error') or 'connecting'}"


def backends(reports: Iterable[Report]) -> str:
    rows: list[Sequence[object]] = [("backend", "from", "status", "devices or reason")]
    for report in reports:
        devices = ", ".join(f"{d.id} ({d.name})" for d in report.devices)
        devices += "".join(f"; {d.details['remarks']}" for d in report.devices if d.details.get("remarks"))
        reason = " ".join(filter(None, [report.reason, report.hint and f"({report.hint})"]))
        rows.append((report.name, report.distribution, report.status, devices or reason))
    return table(rows)


def models(rows: Iterable[Mapping[str, Any]]) -> str:
    found: list[Sequence[object]] = [("model", "installed", "MB", "licence", "what it is")]
    found += [
        (
            row["name"],
            "yes" if row["installed"] else "no",
            f"{row['size'] / 1e6:.1f}" if row.get("size") else "-",
            row.get("licence") or "unknown",
            (row.get("problem") or row.get("description") or "").partition("\n")[0],
        )
        for row in rows
    ]
    return table(found)


def bench(figures: Mapping[str, Any]) -> str:
    """Nested figures as indented lines."""
    lines: list[str] = []

    def walk(value: Any, name: str, depth: int) -> None:
        if isinstance(value, Mapping):
            lines.append("  " * depth + name)
            for key, item in value.items():
                walk(item, str(key), depth + 1)
        else:
            lines.append("  " * depth + f"{name}: {value}")

    for key, item in figures.items():
        walk(item, key, 0)
    return "\n".join(lines)
