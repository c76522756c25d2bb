"""What alerts tell. Raised ones are kept over restarts, so that one that ends in between is told to be over, too."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from agent.atomic import StateFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from agent.publish.payloads import Severity

FILE = "alerts.json"

log = logging.getLogger("vedette.state")


class Subject(NamedTuple):
    """code: what kind of fault. subject: a camera's or engine's id, or "device"."""

    code: str
    subject: str


@dataclass(frozen=True, slots=True)
class Fault:
    severity: Severity
    text: str
    hint: str


class Told(NamedTuple):
    """What an alert says. since: wall clock of its beginning."""

    fault: Fault
    since: float


class Raised:
    """folder: the state directory."""

    def __init__(self, folder: Path) -> None:
        self._file = StateFile(folder / FILE, log)

    def read(self) -> dict[Subject, Told]:
        """As they were when the run before ended."""
        found: dict[Subject, Told] = {}
        self._file.read(
            lambda saved: found.update([*map(_loaded, saved["alerts"])]),
            "alerts of the run before end without an event",
        )
        return found

    def keep(self, alerts: Mapping[Subject, Told]) -> None:
        self._file.write(json.dumps({"version": 1, "alerts": [_saved(*alert) for alert in alerts.items()]}))


def _saved(subject: Subject, told: Told) -> dict[str, Any]:
    fault = told.fault
    return {
        **subject._asdict(),
        "severity": fault.severity,
        "text": fault.text,
        "hint": fault.hint,
        "since": told.since,
    }


def _loaded(saved: Any) -> tuple[Subject, Told]:
    fault = Fault(saved["severity"], str(saved["text"]), str(saved["hint"]))
    return Subject(str(saved["code"]), str(saved["subject"])), Told(fault, float(saved["since"]))
