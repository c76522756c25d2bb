"""One line of the log, and batches of them as they are published. Pure."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent.config.redact import redact
from agent.publish.clock import isotime
from agent.publish.payloads import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

BATCH_BYTES = 8 << 10
LONGEST = 2000
"""Characters of a message that are sent."""
RAW = 4 * LONGEST
"""Characters that are kept until then. What is cut off here may leave part of a secret, far behind what is sent."""
_EMPTY = len(encode({"lines": [], "dropped": 10**9}))
_DROPPED_MOST = 10**9


@dataclass(frozen=True, slots=True)
class Line:
    """at: wall clock. level: logging's number. message: not redacted yet, and not to be shown so."""

    at: float
    level: int
    logger: str
    message: str
    fields: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """As it is published: redacted, then cut."""
        body: dict[str, Any] = {"ts": isotime(self.at), "level": logging.getLevelName(self.level).lower()}
        body["logger"] = self.logger
        body["message"] = shown(self.message)
        body["fields"] = {key: redact(value)[:LONGEST] for key, value in self.fields.items()}
        return encode(body)

    def may_match(self, level: int, part: str) -> bool:
        """As `matches`, for a first look: nothing that matches is missed. part: in lower case, as casefold() has it."""
        return self.level >= level and (not part or "*" in part or part in self._line(str).casefold())

    def matches(self, level: int, part: str) -> bool:
        """part: of the line as `vedette tail` shows it, redacted, so that no secret can be guessed by its parts."""
        return self.level >= level and (not part or part in self._line(shown).casefold())

    def _line(self, fit: Callable[[str], str]) -> str:
        """fit: what is made of the message and of each field."""
        fields = "".join(f" {key}={fit(value)}" for key, value in self.fields.items())
        first, newline, rest = fit(self.message).partition("\n")
        head = f"{isotime(self.at)} {logging.getLevelName(self.level).lower():7} {self.logger}: "
        return f"{head}{first}{fields}{newline}{rest}"


def shown(message: str) -> str:
    """Redacted before it is cut: half a secret would not be known as one."""
    text = redact(message)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def batches(lines: Iterable[bytes], dropped: int) -> list[bytes]:
    """Payloads of 8 KiB at most each, but for one line that is larger by itself. dropped: told with the first."""
    made: list[bytes] = []
    held: list[bytes] = []
    size = _EMPTY
    for line in lines:
        if held and size + len(line) + 1 > BATCH_BYTES:
            made.append(_batch(held, dropped))
            held, size, dropped = [], _EMPTY, 0
        held.append(line)
        size += len(line) + 1
    if held or dropped:
        made.append(_batch(held, dropped))
    return made


def _batch(lines: list[bytes], dropped: int) -> bytes:
    return b'{"lines":[%s],"dropped":%d}' % (b",".join(lines), min(dropped, _DROPPED_MOST))
