"""Faults that somebody should know of: raised when they last, cleared when they have been gone for a while. Pure."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.publish import payloads
from agent.runtime.raised import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.runtime.raised import Fault, Raised, Subject

RAISE_AFTER = 1.5
CLEAR_AFTER = 5.0
SETTLED_S = 15.0
"""From the start until it is known which alerts of the run before still hold."""


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
    """tell: called with each alert that is raised, changed or over. memory: of those of the run before.

    One of these that holds again is raised again, and has lasted since then; of the others it is told that they are
    over.
    """

    def __init__(self, tell: Callable[[Alert], None], memory: Raised | None = None) -> None:
        self._tell = tell
        self._memory = memory
        self._seen: dict[Subject, _Seen] = {}
        self._former = memory.read() if memory is not None else {}
        self._kept = dict(self._former)
        self._began: float | None = None

    @property
    def raised(self) -> dict[Subject, Fault]:
        """What has been told and is not over. May be read on any thread, unlike all else here."""
        return {subject: seen.told for subject, seen in list(self._seen.items()) if seen.told}

    def update(self, now: float, faults: Mapping[Subject, Fault]) -> None:
        """What is wrong at this moment. now: time.monotonic(). To be called about once a second."""
        for subject, fault in faults.items():
            if (seen := self._seen.get(subject)) is None:
                since = self._former[subject].since if subject in self._former else time.time()
                seen = self._seen[subject] = _Seen(fault, now, now, since)
            seen.fault, seen.last = fault, now
            if now - seen.first >= RAISE_AFTER and seen.told != fault:
                seen.told = fault
                self._former.pop(subject, None)
                self._tell(Alert(subject, fault, seen.since, raised=True))
        for subject, seen in list(self._seen.items()):
            if subject not in faults and now - seen.last >= CLEAR_AFTER:
                del self._seen[subject]
                if seen.told:
                    self._tell(Alert(subject, seen.told, seen.since, raised=False))
        self._end_former(now)
        self._keep()

    def _end_former(self, now: float) -> None:
        self._began = now if self._began is None else self._began
        if now - self._began < SETTLED_S:
            return
        for subject in [subject for subject in self._former if subject not in self._seen]:
            fault, since = self._former.pop(subject)
            self._tell(Alert(subject, fault, since, raised=False))

    def _keep(self) -> None:
        if self._memory is None:
            return
        told = {subject: Told(seen.told, seen.since) for subject, seen in self._seen.items() if seen.told}
        if (wanted := {**self._former, **told}) != self._kept:
            self._kept = wanted
            self._memory.keep(wanted)
