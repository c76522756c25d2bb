"""Findings that belong together, and how they are shown: one line where all is well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.tools.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.tools.doctor.finding import State

_WORST: tuple[State, ...] = ("failed", "warning", "ok", "skipped")
JOINED = {"disk", "models", "engines", "devices", "cameras"}
"""Groups whose one line tells all that is well; of the others it is the first finding, and no "ok" if a later fails."""


@dataclass(frozen=True, slots=True)
class Group:
    """name: one word, at most 11 letters."""

    name: str
    findings: Sequence[Finding]

    @property
    def state(self) -> State:
        """The worst of its findings'."""
        return next((state for state in _WORST if any(f.state == state for f in self.findings)), "skipped")

    def to_json(self) -> list[dict[str, Any]]:
        return [{"group": self.name, **finding.to_json()} for finding in self.findings]

    def lines(self, *, colours: bool, everything: bool = False) -> str:
        """What is well in one line, then what is not, with its fix. everything: each finding."""
        shown = list(self.findings) if everything else [*self._headline(), *self._troubles()]
        return "\n".join(finding.lines(colours=colours) for finding in shown)

    def _headline(self) -> list[Finding]:
        well = [finding.text for finding in self.findings if finding.state == "ok"]
        if well and self.name in JOINED:
            return [Finding(self.name, "ok", "; ".join(well))]
        if well:
            return [Finding(self.name, "skipped" if self.state == "failed" else "ok", well[0])]
        left = [finding for finding in self.findings if finding.state == "skipped"]
        return [] if self._troubles() else [Finding(self.name, "skipped", left[0].text)] if left else []

    def _troubles(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.state in {"failed", "warning"}]


def summary(groups: Sequence[Group]) -> str:
    """The last line."""
    states = [finding.state for group in groups for finding in group.findings]
    failed, warnings = states.count("failed"), states.count("warning")
    if not failed and not warnings:
        return "nothing is wrong"
    return ", ".join(
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((failed, "fault"), (warnings, "warning"))
        if count
    )
