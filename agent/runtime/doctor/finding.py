"""What a check has found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

State = Literal["ok", "warning", "failed", "skipped"]
_MARKS: dict[State, tuple[str, str]] = {
    "ok": ("ok", "\x1b[32m"),
    "warning": ("warn", "\x1b[33m"),
    "failed": ("FAIL", "\x1b[31m"),
    "skipped": ("-", "\x1b[2m"),
}
_PLAIN = "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Finding:
    """what: one or two words. text: what was seen, without secrets. fix: what to do, empty if nothing."""

    what: str
    state: State
    text: str
    fix: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def page(findings: Sequence[Finding], *, colours: bool) -> str:
    """One line for each, and one for its fix."""
    width = max((len(finding.what) for finding in findings), default=0)
    lines = []
    for finding in findings:
        mark, colour = _MARKS[finding.state]
        shown = f"{colour}{mark:4}{_PLAIN}" if colours else f"{mark:4}"
        lines.append(f"{shown}  {finding.what:{width}}  {finding.text}")
        if finding.fix:
            lines.append(f"{'':4}  {'':{width}}  fix: {finding.fix}")
    return "\n".join(lines)
