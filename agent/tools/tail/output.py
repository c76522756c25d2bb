"""How lines of a log read over MQTT are shown: as journalctl does, coloured on a terminal, or as JSON."""

from __future__ import annotations

import json as json_module
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from agent.tools.watch.table import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

_COLOURS = {"debug": "\x1b[2m", "warning": "\x1b[33m", "error": "\x1b[31m", "critical": "\x1b[1;31m"}
_PLAIN = "\x1b[0m"


@dataclass(slots=True)
class Output:
    """err: where what is no line of the log goes."""

    out: TextIO
    err: TextIO
    colours: bool = False
    json: bool = False

    def line(self, line: Mapping[str, Any]) -> None:
        """As `log` has it."""
        text = json_module.dumps(line) if self.json else self._text(line)
        self.out.write(text + "\n")
        self.out.flush()

    def _text(self, line: Mapping[str, Any]) -> str:
        colour = _COLOURS.get(str(line["level"]), "") if self.colours else ""
        return f"{colour}{shown(line)}{_PLAIN}" if colour else shown(line)

    def note(self, text: str) -> None:
        """What happens to the reading itself."""
        self.err.write(f"vedette: {printable(text)}\n")
        self.err.flush()


def shown(line: Mapping[str, Any]) -> str:
    """Without colours."""
    fields = "".join(f" {key}={value}" for key, value in line["fields"].items())
    first, *rest = str(line["message"]).split("\n")
    head = f"{line['ts']} {line['level']!s:7} {line['logger']}: {first}{fields}"
    return "\n".join(printable(row) for row in [head, *(f"    {row}" for row in rest)])
