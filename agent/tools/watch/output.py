"""Where `vedette watch` writes: a table redrawn in place, a table once, a line for each piece of news, or JSON."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO

from agent.tools.watch.table import fitted, screen, table

if TYPE_CHECKING:
    from agent.publish.message import Message
    from agent.tools.watch.state import Watched

EVERY = 0.25
"""Seconds between two drawings, at least."""
_CLEAR, _HOME, _HIDE, _SHOW = "\x1b[J", "\x1b[H", "\x1b[?25l", "\x1b[?25h"
_REST_OF_LINE = "\x1b[K"
_UNKNOWN_SIZE = 80, 24
_WIDEST = 1000


class Output(Protocol):
    """news: what the message brought, as a line; None where it brought none. fault: why the broker is away.

    absent: that nothing is heard of the device that was asked for, and of which something is.
    """

    def heard(self, message: Message, news: str | None) -> None: ...
    def broker(self, fault: str | None) -> None: ...
    def absent(self, text: str) -> None: ...
    def draw(self, watched: Watched, now: float) -> None: ...
    def close(self, watched: Watched, now: float) -> None: ...


@dataclass(slots=True)
class Lines:
    """err: where what is no news of a device goes."""

    out: TextIO
    err: TextIO

    def heard(self, message: Message, news: str | None) -> None:  # noqa: ARG002 - the news say it
        if news is not None:
            _line(self.out, news)

    def broker(self, fault: str | None) -> None:
        _line(self.err, f"vedette: {fault or 'the broker is back'}")

    def absent(self, text: str) -> None:
        _line(self.err, f"vedette: {text}")

    def draw(self, watched: Watched, now: float) -> None:
        pass

    def close(self, watched: Watched, now: float) -> None:
        pass


@dataclass(slots=True)
class JsonLines(Lines):
    """Each message as one object: topic, whether it was retained, and the payload, as text if it is no JSON."""

    def heard(self, message: Message, news: str | None) -> None:  # noqa: ARG002 - programs get all of it
        text = message.payload.decode(errors="replace")
        try:
            payload = json.loads(text)
        except (ValueError, RecursionError):
            payload = text
        body = {"topic": message.topic, "retained": message.retain, "payload": payload}
        self.out.write(json.dumps(body) + "\n")
        self.out.flush()


@dataclass(slots=True)
class Once(Lines):
    """The table, when all has been heard. device: the only one asked for; whoever watches says if it is not there."""

    device: str | None = None

    def heard(self, message: Message, news: str | None) -> None:
        pass

    def close(self, watched: Watched, now: float) -> None:
        if self.device is not None and not watched.devices:
            return
        for row in [*table(watched, now), *watched.events]:
            _line(self.out, row)


@dataclass(slots=True)
class Screen(Lines):
    """A terminal, whose cursor is hidden until `close`."""

    due: float = 0.0
    fault: str | None = None
    missing: str = ""

    def heard(self, message: Message, news: str | None) -> None:
        pass

    def broker(self, fault: str | None) -> None:
        self.fault = fault

    def absent(self, text: str) -> None:
        self.missing = text

    def draw(self, watched: Watched, now: float) -> None:
        if now < self.due:
            return
        self.due = now + EVERY
        width, height = os.get_terminal_size(self.out.fileno())
        width, height = width or _UNKNOWN_SIZE[0], height or _UNKNOWN_SIZE[1]
        notice = f"{self.fault}; what follows is the last known state" if self.fault else ""
        if not watched.devices:
            notice = notice or self.missing
        rows = screen(watched, now, width, height - 1, notice)
        self.out.write(_HIDE + _HOME + "".join(f"{row}{_REST_OF_LINE}\n" for row in rows) + _CLEAR)
        self.out.flush()

    def close(self, watched: Watched, now: float) -> None:  # noqa: ARG002 - what was drawn last stays
        self.out.write(_SHOW)
        self.out.flush()


def _line(out: TextIO, text: str) -> None:
    out.write(fitted([text], _WIDEST, 1)[0] + "\n")
    out.flush()
