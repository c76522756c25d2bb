"""What a check has found, and how it is shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from agent.config.redact import redact

if TYPE_CHECKING:
    from agent.publish.faults import BrokerFault

State = Literal["ok", "warning", "failed", "skipped"]
_MARKS: dict[State, tuple[str, str]] = {
    "ok": ("ok", "\x1b[32m"),
    "warning": ("warn", "\x1b[33m"),
    "failed": ("FAIL", "\x1b[31m"),
    "skipped": ("-", "\x1b[2m"),
}
_PLAIN = "\x1b[0m"
_WIDTH = 11


@dataclass(frozen=True, slots=True)
class Finding:
    """what: one word, at most 11 letters. text: what was seen, without secrets. fix: what to do, empty if nothing."""

    what: str
    state: State
    text: str
    fix: str = ""

    @classmethod
    def of(cls, what: str, fault: BrokerFault) -> Finding:
        return cls(what, "failed", redact(fault.what), fault.fix or "see above")

    def masked(self) -> Finding:
        """Without credentials."""
        return replace(self, text=redact(self.text), fix=redact(self.fix))

    @classmethod
    def of_json(cls, value: dict[str, Any]) -> Finding:
        """The inverse of `to_json`. Raises TypeError or KeyError on anything else."""
        state: State = value["state"]
        if state not in _MARKS:
            raise KeyError(state)
        return cls(str(value["what"]), state, str(value["text"]), str(value["fix"]))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self, *, colours: bool) -> str:
        """One line, and one for the fix."""
        from agent.tools.watch.table import printable  # it brings the MQTT client, which most checks need not

        mark, colour = _MARKS[self.state]
        shown = f"{colour}{mark:4}{_PLAIN}" if colours else f"{mark:4}"
        head = f"{shown}  {self.what:{_WIDTH}}  {printable(self.text)}"
        return f"{head}\n{'':4}  {'':{_WIDTH}}  fix: {printable(self.fix)}" if self.fix else head
