"""What alerts tell. Raised ones are kept over restarts, so that one that ends in between is told to be over, too."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from agent.atomic import write_atomic

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
        self._path = folder / FILE
        self._failed = False

    def read(self) -> dict[Subject, Told]:
        """As they were when the run before ended."""
        try:
            return dict(map(_loaded, json.loads(self._path.read_text())["alerts"]))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as e:
            log.warning("cannot read %s (%s): alerts of the run before end without an event", self._path, e)
        return {}

    def keep(self, alerts: Mapping[Subject, Told]) -> None:
        try:
            write_atomic(self._path, json.dumps({"version": 1, "alerts": [_saved(*alert) for alert in alerts.items()]}))
            self._failed = False
        except OSError as e:
            if not self._failed:  # once, not with each alert
                log.warning("cannot write %s: %s", self._path, e.strerror)
            self._failed = True


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
