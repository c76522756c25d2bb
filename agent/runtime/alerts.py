"""Faults that somebody should know of: raised when they last, cleared when they have been gone for a while. Pure."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from agent.publish import payloads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RAISE_AFTER = 1.5
CLEAR_AFTER = 5.0


class Subject(NamedTuple):
    """code: what kind of fault. subject: a camera's or engine's id, or "device"."""

    code: str
    subject: str


@dataclass(frozen=True, slots=True)
class Fault:
    severity: payloads.Severity
    text: str
    hint: str


@dataclass(slots=True)
class _Seen:
    fault: Fault
    first: float
    last: float
    since: float  # wall clock
    told: Fault | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """raised: False when it is over. since: wall clock of its beginning."""

    subject: Subject
    fault: Fault
    since: float
    raised: bool

    def payload(self) -> bytes:
        """Of its retained topic: empty when it is over."""
        if not self.raised:
            return payloads.CLEAR
        return payloads.alert(self.fault.severity, self.since, self.fault.text, self.fault.hint)


class Alerts:
    """tell: called with each alert that is raised, changed or over."""

    def __init__(self, tell: Callable[[Alert], None]) -> None:
        self._tell = tell
        self._seen: dict[Subject, _Seen] = {}

    @property
    def raised(self) -> dict[Subject, Fault]:
        """What has been told and is not over. May be read on any thread, unlike all else here."""
        return {subject: seen.told for subject, seen in list(self._seen.items()) if seen.told}

    def update(self, now: float, faults: Mapping[Subject, Fault]) -> None:
        """What is wrong at this moment. now: time.monotonic(). To be called about once a second."""
        for subject, fault in faults.items():
            seen = self._seen.setdefault(subject, _Seen(fault, now, now, time.time()))
            seen.fault, seen.last = fault, now
            if now - seen.first >= RAISE_AFTER and seen.told != fault:
                seen.told = fault
                self._tell(Alert(subject, fault, seen.since, raised=True))
        for subject, seen in list(self._seen.items()):
            if subject not in faults and now - seen.last >= CLEAR_AFTER:
                del self._seen[subject]
                if seen.told:
                    self._tell(Alert(subject, seen.told, seen.since, raised=False))
