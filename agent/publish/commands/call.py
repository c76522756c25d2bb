"""What is ordered, by whom, and what becomes of it. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from agent.publish.payloads import encode, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

Status = Literal["ok", "accepted", "error", "rejected", "expired"]
"""accepted: begun, and more will be heard of it. error: it was tried. rejected, expired: it was not."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who wants the outcome. topic: None where nobody does. correlation: as of MQTT 5; transaction: any JSON."""

    topic: str | None = None
    correlation: bytes | None = None
    transaction: Any = None


class Refusal(Exception):
    """Why something is not done. code: for programs, a word of a-z and _; text: for people, with the limit and fix.

    data: what is told all the same.
    """

    def __init__(
        self, code: str, text: str, status: Status = "rejected", data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(text)
        self.code, self.text = code, text
        self.status: Status = status
        self.data = data


@dataclass(frozen=True, slots=True)
class Call:
    """One command. name: the last level of its topic. at: time.monotonic() of its arrival.

    key: the same for copies of one command, None where they cannot be told from new ones. refusal: if it is not to
    be executed.
    """

    name: str
    at: float
    caller: Caller = field(default_factory=Caller)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """error: code and text, where the status says that there is one. data: what the command tells."""

    status: Status
    data: Mapping[str, Any] | None = None
    error: tuple[str, str] | None = None

    @classmethod
    def of(cls, refusal: Refusal) -> Outcome:
        return cls(refusal.status, refusal.data, (refusal.code, refusal.text))


def reply(outcome: Outcome, caller: Caller, took_ms: float) -> bytes:
    """The payload for the caller. took_ms: from the arrival of the command."""
    error = None if outcome.error is None else {"code": outcome.error[0], "text": outcome.error[1]}
    body: dict[str, Any] = {"status": outcome.status, "error": error, "data": plain(outcome.data)}
    body["took_ms"] = round(took_ms, 3)
    if caller.transaction is not None:
        body["transaction"] = caller.transaction
    return encode(body)
